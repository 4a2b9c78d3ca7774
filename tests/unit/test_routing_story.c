/* routing's handlers, with the policy of deploy/policy, in a world of rows in memory: what a plan
   writes is applied, what it says to routing itself is heard again. Stories of the four flows, and
   a random day after which all loads add up. */
#include "test.h"

#include "runtime/api/plan_state.h"
#include "routing/choose.h"
#include "routing/handlers.h"
#include "routing/codes.h"
#include "routing/store.h"

#include "intake.msg.h"
#include "notification.msg.h"
#include "routing.msg.h"
#include "workforce.msg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 8000 };

/* --- the world --- */

struct table {
    const struct shape *shape;
    char *rows;
    size_t n;
};

static struct table tables[16];
static size_t tables_n;
static struct arena *arena;
static const void *policy;
static time_us now;
static int64_t next_id;

static struct said {
    const struct shape *shape;
    const void *body;
} said[MOST];
static size_t said_n, heard_n;

static struct {
    enum plan_verdict verdict;
    struct err err;
    const struct ticket_acted *acted;
} outcome;

static struct step_due alarm_body;
static time_us alarm_due; /* 0: none is set */

static struct table *table_of(const struct shape *shape)
{
    for (size_t i = 0; i < tables_n; i++)
        if (tables[i].shape == shape) return &tables[i];
    tables[tables_n] = (struct table){shape, arena_alloc(arena, shape->size * MOST), 0};
    return &tables[tables_n++];
}

static void *row_at(struct table *table, size_t i)
{
    return table->rows + i * table->shape->size;
}

static bool same_key(const struct shape *shape, const void *a, const void *b)
{
    for (int i = 0; i < SHAPE_KEYS && shape->key[i] != NULL; i++) {
        const struct field *field = shape->key[i];
        bool same = field->type == FIELD_TEXT
                        ? text_equal(shape_text(field, a), shape_text(field, b))
                        : shape_int(field, a) == shape_int(field, b);
        if (!same) return false;
    }
    return true;
}

static void *find_row(struct table *table, const void *like)
{
    for (size_t i = 0; i < table->n; i++)
        if (same_key(table->shape, row_at(table, i), like)) return row_at(table, i);
    return NULL;
}

static void put_row(const struct shape *shape, const void *row)
{
    struct table *table = table_of(shape);
    void *there = find_row(table, row);
    if (there == NULL) {
        assert(table->n < MOST);
        there = row_at(table, table->n++);
    }
    memcpy(there, row, shape->size);
}

static void apply(const struct statement *statement, const void *row)
{
    struct table *table = table_of(statement->row);
    void *there = find_row(table, row);
    if (statement == &waiting_delete) {
        if (there != NULL) memmove(there, row_at(table, --table->n), statement->row->size);
    } else if (statement == &staff_tally_add && there != NULL) {
        ((struct staff_tally_row *)there)->net += ((const struct staff_tally_row *)row)->net;
    } else if (statement == &staff_load_insert && there != NULL) {
        return;
    } else {
        CHECK_ROW(statement != &ticket_insert || there == NULL, "a ticket is inserted once");
        CHECK_ROW(statement != &ticket_update || there != NULL, "a ticket is there to be updated");
        put_row(statement->row, row);
    }
}

/* --- what handlers load --- */

static int by_place(const void *a, const void *b)
{
    const struct waiting_row *x = a, *y = b;
    if (x->priority != y->priority) return x->priority < y->priority ? -1 : 1;
    if (x->arrived != y->arrived) return x->arrived < y->arrived ? -1 : 1;
    return (x->ticket > y->ticket) - (x->ticket < y->ticket);
}

static size_t first_of_each_line(struct waiting_row *rows, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0, before = 0; i < n; i++, before = 0) {
        for (size_t k = 0; k < kept; k++) before += text_equal(rows[k].line, rows[i].line);
        if (before < WAITING_WINDOW) rows[kept++] = rows[i];
    }
    return kept;
}

static struct list all_waiting(void)
{
    struct table *table = table_of(&waiting_row_shape), *tickets = table_of(&ticket_row_shape);
    struct waiting_row *rows = arena_copy(arena, table->rows, table->n * sizeof(*rows));
    for (size_t i = 0; i < table->n; i++) {
        struct ticket_row *ticket = find_row(tickets, &(struct ticket_row){.id = rows[i].ticket});
        rows[i].stale = ticket->queue.len == 0 || ticket->wish != rows[i].wish;
    }
    qsort(rows, table->n, sizeof(*rows), by_place);
    return (struct list){rows, first_of_each_line(rows, table->n)};
}

static struct list all_people(void)
{
    struct table *staff = table_of(&staff_row_shape);
    struct person_row *people = ARENA_ARRAY(arena, struct person_row, staff->n);
    for (size_t i = 0; i < staff->n; i++) {
        const struct staff_row *s = row_at(staff, i);
        const struct duty_row *d =
            find_row(table_of(&duty_row_shape), &(struct duty_row){.staff = s->staff});
        const struct staff_load_row *l =
            find_row(table_of(&staff_load_row_shape), &(struct staff_load_row){.staff = s->staff});
        const struct staff_tally_row *t = find_row(table_of(&staff_tally_row_shape),
                                                   &(struct staff_tally_row){.staff = s->staff});
        people[i] = (struct person_row){.staff = s->staff,
                                        .unit = s->unit,
                                        .department = s->department,
                                        .roles = s->roles,
                                        .skills = s->skills,
                                        .deputy = s->deputy,
                                        .most_open = s->most_open,
                                        .active = s->active};
        if (d != NULL)
            people[i].on_duty = d->on_duty, people[i].roster = d->roster,
            people[i].since = d->since;
        if (l != NULL) people[i].taken = l->taken, people[i].last_at = l->last_at;
        if (t != NULL) people[i].net = t->net, people[i].freed_at = t->freed_at;
    }
    return (struct list){people, staff->n};
}

static struct list all_wanting(const struct table *tickets)
{
    struct wanting_row *rows = ARENA_ARRAY(arena, struct wanting_row, tickets->n);
    for (size_t i = 0; i < tickets->n; i++) {
        const struct ticket_row *t = (const struct ticket_row *)tickets->rows + i;
        rows[i] = (struct wanting_row){t->id, t->wish, t->queue};
    }
    return (struct list){rows, tickets->n};
}

static struct list load(const struct statement *statement, int64_t ticket)
{
    struct table *table = table_of(statement->row);
    if (statement == &person_read || statement == &candidate_read) return all_people();
    if (statement == &waiting_read) return all_waiting();
    if (statement == &waiting_unsaid) return (struct list){0};
    if (statement == &wanting_read) return all_wanting(table_of(&ticket_row_shape));
    if (statement == &ticket_lock) {
        const struct ticket_row *row = find_row(table, &(struct ticket_row){.id = ticket});
        return (struct list){row, row != NULL};
    }
    return (struct list){table->rows, table->n};
}

/* --- running a handler --- */

static int64_t draw_id(void *ctx, int partition, time_us at)
{
    (void)ctx;
    (void)partition;
    (void)at;
    return next_id++;
}

static const void *policy_of(void *ctx, int64_t version)
{
    (void)ctx;
    return version == 1 ? policy : NULL;
}

static const struct plan_host host = {draw_id, policy_of, NULL};

static const struct statement *const loads[] = {&ticket_lock, &person_read, &unit_read,
                                                &queue_line_read, &note_read};
static const struct statement *const dispatch_loads[] = {&waiting_read, &waiting_unsaid,
                                                         &wanting_read, &candidate_read};

typedef void handler_fn(struct plan *plan, const void *message, const struct facts *facts);

static void take_in(struct plan_inside *inside)
{
    for (struct plan_row *row = inside->rows; row != NULL; row = row->next)
        apply(row->statement, row->row);
    for (struct plan_row *row = inside->adds; row != NULL; row = row->next)
        apply(row->statement, row->row);
    for (struct plan_event *ev = inside->events; ev != NULL; ev = ev->next) {
        struct err err;
        assert(said_n < MOST);
        said[said_n++] = (struct said){ev->shape, pack_read(ev->body, ev->shape, arena, &err)};
    }
    for (struct plan_alarm *alarm = inside->alarms; alarm != NULL; alarm = alarm->next) {
        struct err err;
        alarm_due = alarm->due;
        if (!alarm->cancel)
            alarm_body =
                *(const struct step_due *)pack_read(alarm->body, &step_due_shape, arena, &err);
    }
}

static void run(handler_fn *decide, const struct shape *hears, const void *message, int64_t ticket,
                const char *actor)
{
    struct header header = {.actor = text_of(actor), .time = now};
    struct plan_inside inside = {.host = &host, .answer_shape = hears->answer};
    struct plan plan = {
        .now = now, .header = &header, .policy = policy, .policy_version = 1, .arena = arena};
    bool dealing = decide == on_dispatch_due;
    struct facts facts = {.n = dealing ? COUNT(dispatch_loads) : COUNT(loads)};
    for (size_t i = 0; i < facts.n; i++) {
        const struct statement *statement = dealing ? dispatch_loads[i] : loads[i];
        facts.slices[i].statement = statement, facts.slices[i].rows = load(statement, ticket);
    }
    plan_start(&plan, &inside);
    decide(&plan, message, &facts);
    outcome.verdict = inside.verdict;
    outcome.err = inside.refusal;
    outcome.acted = NULL;
    if (inside.verdict != PLAN_GOOD) return;
    take_in(&inside);
    struct err err;
    if (inside.answered) outcome.acted = pack_read(inside.answer, hears->answer, arena, &err);
}

/* Hear what routing said to itself. */
static void settle(void)
{
    for (; heard_n < said_n; heard_n++) {
        const struct said *ev = &said[heard_n];
        if (ev->shape == &dispatch_due_shape) {
            run(on_dispatch_due, ev->shape, ev->body, 0, NULL);
        } else if (ev->shape == &assignment_made_shape) {
            run(on_assignment_made, ev->shape, ev->body,
                ((const struct assignment_made *)ev->body)->ticket, NULL);
        } else {
            continue;
        }
        CHECK_ROW(outcome.verdict == PLAN_GOOD, "own events are never refused: %s",
                  outcome.err.message);
    }
}

static text read_whole(const char *name)
{
    char path[200];
    snprintf(path, sizeof(path), "deploy/policy/%s", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) test_skip(path);
    char *body = arena_alloc(arena, 256 * 1024);
    size_t len = fread(body, 1, 256 * 1024 - 1, file);
    fclose(file);
    return (text){body, len};
}

static const char *const policy_names[] = {
    "flows/_words.yaml", "flows/_exits.yaml",     "flows/complaint.yaml", "flows/inquiry.yaml",
    "flows/repair.yaml", "flows/suggestion.yaml", "organisation.yaml",    "routing.yaml"};

static void staff(const char *code, const char *role, const char *skill, const char *department,
                  int64_t most, bool on)
{
    text r = text_of(role), s = text_of(skill);
    struct staff_changed changed = {.staff = text_of(code),
                                    .name = text_of(code),
                                    .unit = TEXT("service"),
                                    .department = text_of(department),
                                    .roles = {&r, 1},
                                    .skills = {&s, s.len > 0},
                                    .locale = TEXT("en"),
                                    .most_open = {most, most > 0},
                                    .active = true};
    run(on_staff_changed, &staff_changed_shape, &changed, 0, NULL);
    struct duty_changed duty = {.staff = text_of(code), .on = on, .roster = TEXT("day")};
    run(on_duty_changed, &duty_changed_shape, &duty, 0, NULL);
}

static void begin(void)
{
    struct policy_file files[COUNT(policy_names)];
    struct err err = {0};
    arena = arena_create();
    tables_n = said_n = heard_n = 0;
    next_id = 900;
    now = 1000 * DAY_US;
    for (size_t i = 0; i < COUNT(policy_names); i++)
        files[i] = (struct policy_file){text_of(policy_names[i]), read_whole(policy_names[i])};
    policy = routing_policy_owner.compile(&(struct policy_files){files, COUNT(files)}, arena, &err);
    if (!CHECK_ROW(policy != NULL, "the policy compiles: %s", err.message)) exit(1);
    struct unit_changed unit = {TEXT("company"), {0}, TEXT("company"), TEXT("c"), TEXT("c")};
    run(on_unit_changed, &unit_changed_shape, &unit, 0, NULL);
    unit = (struct unit_changed){TEXT("ps"), TEXT("company"), TEXT("property_department"),
                                 TEXT("c"), TEXT("c")};
    run(on_unit_changed, &unit_changed_shape, &unit, 0, NULL);
}

static void usual_people(void)
{
    staff("sp1", "specialist", "complaint", NULL, 0, true);
    staff("su1", "supervisor", NULL, NULL, 0, true);
    staff("ma1", "manager", NULL, NULL, 0, true);
    staff("de1", "department", NULL, "engineering", 0, true);
    settle();
}

static struct ticket_opened opened(int64_t id, const char *kind, const char *recorder)
{
    return (struct ticket_opened){.ticket = id,
                                  .contact = 5,
                                  .kind = text_of(kind),
                                  .channel = TEXT("call"),
                                  .org_unit = TEXT("company"),
                                  .received_at = now + id,
                                  .recorder = text_of(recorder),
                                  .locale = TEXT("en"),
                                  .reachable = true};
}

static void open_ticket(int64_t id, const char *kind, const char *recorder)
{
    struct ticket_opened m = opened(id, kind, recorder);
    run(on_ticket_opened, &ticket_opened_shape, &m, id, NULL);
    settle();
}

static const struct ticket_row *ticket(int64_t id)
{
    return find_row(table_of(&ticket_row_shape), &(struct ticket_row){.id = id});
}

/* "name=value name=value": department= and handler= are the command's own fields. */
static struct ticket_act act_of(int64_t id, const char *action, const char *fields)
{
    struct ticket_act m = {.ticket = id, .action = text_of(action)};
    struct form_value *values = ARENA_ARRAY(arena, struct form_value, 12);
    size_t n = 0;
    char *copy = mem_string(text_of(fields)), *rest = copy;
    for (char *each; (each = strsep(&rest, " ")) != NULL;) {
        char *value = strchr(each, '=');
        if (value == NULL) continue;
        *value++ = '\0';
        text kept = arena_text(arena, text_of(value));
        if (strcmp(each, "handler") == 0)
            m.handler = kept;
        else if (strcmp(each, "department") == 0)
            m.department = kept;
        else
            values[n++] = (struct form_value){arena_text(arena, text_of(each)), kept};
    }
    free(copy);
    m.fields = (struct list){values, n};
    return m;
}

static void act(int64_t id, const char *actor, const char *action, const char *fields)
{
    struct ticket_act m = act_of(id, action, fields);
    now += MINUTE_US;
    run(on_ticket_act, &ticket_act_shape, &m, id, actor);
    enum plan_verdict verdict = outcome.verdict;
    struct err err = outcome.err;
    const struct ticket_acted *acted = outcome.acted;
    if (verdict == PLAN_GOOD) settle();
    outcome.verdict = verdict;
    outcome.err = err;
    outcome.acted = acted;
}

#define ACT(id, actor, action, fields, state_, handler_)                                           \
    do {                                                                                           \
        act(id, actor, action, fields);                                                            \
        test_row(action);                                                                          \
        CHECK_ROW(outcome.verdict == PLAN_GOOD, "refused: %s", outcome.err.message);               \
        CHECK_TEXT(ticket(id)->state, state_);                                                     \
        CHECK_TEXT(ticket(id)->handler, handler_);                                                 \
        test_row(NULL);                                                                            \
    } while (0)

#define REFUSED(id, actor, action, fields, rule_)                                                  \
    do {                                                                                           \
        act(id, actor, action, fields);                                                            \
        test_row(action);                                                                          \
        CHECK_INT(outcome.verdict, PLAN_REFUSED);                                                  \
        CHECK_STRING(outcome.err.rule, rule_);                                                     \
        test_row(NULL);                                                                            \
    } while (0)

static const void *last_said(const struct shape *shape)
{
    for (size_t i = said_n; i-- > 0;)
        if (said[i].shape == shape) return said[i].body;
    return NULL;
}

/* What every day must end with: each person's load is the number of open tickets in their hands. */
static void check_loads(void)
{
    struct list people = all_people();
    struct table *tickets = table_of(&ticket_row_shape);
    for (size_t i = 0; i < people.n; i++) {
        const struct person_row *person = &LIST(people, struct person_row)[i];
        int64_t held = 0;
        for (size_t j = 0; j < tickets->n; j++) {
            const struct ticket_row *row = row_at(tickets, j);
            held += row->closed_at == 0 && text_equal(row->handler, person->staff);
        }
        CHECK_ROW(person_open(person) == held, "%.*s: load %lld, holds %lld",
                  TEXT_ARG(person->staff), (long long)person_open(person), (long long)held);
    }
}

static void note(int64_t id, int64_t number)
{
    struct note_added m = {id, number, TEXT("words")};
    run(on_note_added, &note_added_shape, &m, id, NULL);
}

/* --- stories --- */

TEST(a_complaint_through_two_rounds)
{
    begin();
    usual_people();
    open_ticket(1, "complaint", "sp1");
    const struct ticket_started *started = last_said(&ticket_started_shape);
    CHECK_INT(started->priority, 2);
    CHECK_TEXT(started->state, "RECEIVED");
    CHECK_INT(started->handler.len, 0); /* the recorder is no handler */
    const struct ticket_assigned *assigned = last_said(&ticket_assigned_shape);
    CHECK_TEXT(assigned->handler, "sp1");
    CHECK_TEXT(assigned->how, "queue");
    CHECK_TEXT(assigned->queue, "complaint");

    REFUSED(1, "sp1", "assess", "analysis=a", "");
    REFUSED(1, "sp1", "register", "apology=true", "CMP-01");
    REFUSED(1, "nobody", "register", "apology=true facts=a", "ORG-69");
    REFUSED(1, NULL, "register", "apology=true facts=a", "ORG-69");
    act(1, "sp1", "register", "apology=true facts=note:77");
    CHECK_INT(outcome.verdict, PLAN_RETRY);
    note(1, 77);
    ACT(1, "sp1", "register", "apology=true facts=note:77", "REGISTERED", "sp1");
    ACT(1, "su1", "acknowledge", "informed_by=sp1 acknowledged_by=su1 first_measures=note:77",
        "SUPERVISOR_NOTIFIED", "su1");
    CHECK(((const struct ticket_moved *)last_said(&ticket_moved_shape))->acknowledged);
    ACT(1, "su1", "assess", "analysis=note:77", "ASSESSING", "su1");
    REFUSED(1, "su1", "assign", "plan=note:77", "RTE-01");
    REFUSED(1, "su1", "assign", "plan=note:77 department=engineering handler=sp1", "ORG-69");
    ACT(1, "su1", "assign", "plan=note:77 department=engineering handler=de1", "ASSIGNED", "de1");
    CHECK_TEXT(((const struct ticket_moved *)last_said(&ticket_moved_shape))->department,
               "engineering");
    ACT(1, "de1", "refuse", "refusal_reason=note:77", "ASSESSING", "su1"); /* back to who had it */
    ACT(1, "su1", "assign", "plan=note:77 department=engineering handler=de1", "ASSIGNED", "de1");
    act(1, "de1", "refuse", "refusal_reason=note:77");
    CHECK_INT(outcome.verdict, PLAN_REFUSED); /* once only (RTE-31) */
    ACT(1, "de1", "accept", "", "INVESTIGATING", "de1");
    ACT(1, "de1", "finish_plan", "findings=note:77 measures=note:77", "PLAN_READY", "de1");
    ACT(1, "de1", "submit", "result=note:77", "IN_REVIEW", "su1");
    REFUSED(1, "sp1", "approve", "", "ORG-69");
    ACT(1, "su1", "approve", "", "APPROVED", "sp1");
    ACT(1, "sp1", "tell", "explanation=note:77 opinion=note:77 delivery=call_reached",
        "COMMUNICATED", "sp1");
    CHECK(((const struct ticket_moved *)last_said(&ticket_moved_shape))->replied);
    REFUSED(1, "ma1", "decline", "decline_reason=note:77 company_rule=r delivery=mail_accepted",
            "AMB-06"); /* round 1 */
    ACT(1, "su1", "dissatisfied", "customer_words=note:77", "REPROCESSING",
        "ma1"); /* CMP-T16: the manager's round */
    CHECK_INT(ticket(1)->round, 2);
    CHECK_TEXT(((const struct ticket_moved *)last_said(&ticket_moved_shape))->step, "CMP-T16");
    ACT(1, "de1", "finish_plan", "findings=note:77 measures=note:77", "PLAN_READY", "ma1");
    check_loads();
}

TEST(a_closed_complaint_frees_everyone)
{
    begin();
    usual_people();
    open_ticket(1, "complaint", "sp1");
    REFUSED(1, "sp1", "withdraw",
            "withdraw_reason=settled_otherwise customer_words=a requested_by=sp1", "ORG-69");
    ACT(1, "su1", "withdraw", "withdraw_reason=settled_otherwise customer_words=a requested_by=sp1",
        "WITHDRAWN", "sp1");
    const struct ticket_moved *moved = last_said(&ticket_moved_shape);
    CHECK(moved->terminal);
    CHECK_TEXT(moved->exit, "withdrawn");
    CHECK_TEXT(moved->reason, "settled_otherwise");
    REFUSED(1, "su1", "withdraw",
            "withdraw_reason=settled_otherwise customer_words=a requested_by=sp1", "");
    check_loads();
}

TEST(a_repair_is_walked_to_its_end)
{
    begin();
    staff("am1", "ambassador", "repair", NULL, 0, false);
    open_ticket(1, "repair", "am1");
    CHECK_INT(ticket(1)->handler.len, 0);
    CHECK_TEXT(((const struct ticket_queued *)last_said(&ticket_queued_shape))->reason,
               "nobody_on_duty");
    struct ticket_act m = act_of(1, "enter", "class=normal");
    run(on_ticket_act, &ticket_act_shape, &m, 1, "am1");
    settle();
    CHECK_INT(ticket(1)->handler.len, 0); /* waits on */
    ACT(1, "am1", "dispatch", "unit=unit-3 handler=am1", "DISPATCHED", "am1");
    CHECK_TEXT(((const struct ticket_assigned *)last_said(&ticket_assigned_shape))->how, "named");
    CHECK_INT(table_of(&waiting_row_shape)->n, 0);
    ACT(1, "am1", "accept", "appointment=2026-11-22T10:00:00Z", "ACCEPTED", "am1");
    ACT(1, "am1", "start_work", "", "IN_PROGRESS", "am1");
    ACT(1, "am1", "tell_progress", "progress=soon next_date=2026-11-23T10:00:00Z", "IN_PROGRESS",
        "am1");
    CHECK(((const struct ticket_moved *)last_said(&ticket_moved_shape))->promised_at != 0);
    ACT(1, "am1", "finish", "result=r proof=p", "DONE", "am1");
    ACT(1, "am1", "inform", "delivery=call_reached", "CUSTOMER_INFORMED", "am1");
    ACT(1, "am1", "verify", "", "VERIFIED", "am1");
    ACT(1, "am1", "close", "", "CLOSED", "am1");
    check_loads();
}

TEST(retyping_opens_a_linked_ticket)
{
    begin();
    usual_people();
    staff("am1", "ambassador", "repair", NULL, 0, true);
    open_ticket(1, "repair", "am1");
    ACT(1, "am1", "retype", "retype_reason=wrong_kind new_kind=suggestion", "RETYPED", "am1");
    const struct ticket_row *other = ticket(900);
    if (!CHECK(other != NULL && outcome.acted != NULL)) return;
    CHECK_INT(outcome.acted->linked, 900);
    CHECK_TEXT(other->kind, "suggestion");
    CHECK_TEXT(other->owner, "am1");
    CHECK_INT(other->linked, 1);
    CHECK_INT(other->received_at, ticket(1)->received_at);
    open_ticket(2, "repair", "am1");
    ACT(2, "am1", "merge", "merge_reason=same_unit merge_into=1", "MERGED", "am1");
    CHECK_INT(ticket(2)->linked, 1);
    check_loads();
}

TEST(answered_in_the_contact)
{
    begin();
    usual_people();
    struct ticket_opened m = opened(1, "inquiry", "sp1");
    m.answered = true;
    run(on_ticket_opened, &ticket_opened_shape, &m, 1, NULL);
    settle();
    CHECK_TEXT(((const struct ticket_started *)last_said(&ticket_started_shape))->handler, "sp1");
    CHECK_TEXT(((const struct ticket_assigned *)last_said(&ticket_assigned_shape))->how,
               "recorder");
    check_loads();
}

TEST(an_emergency_comes_first_and_lowering_is_the_supervisors)
{
    begin();
    staff("su1", "supervisor", NULL, NULL, 0, true);
    staff("am1", "ambassador", "repair", NULL, 1, false);
    open_ticket(1, "repair", NULL);
    open_ticket(2, "repair", NULL);
    struct ticket_opened m = opened(3, "repair", NULL);
    m.class = TEXT("emergency");
    run(on_ticket_opened, &ticket_opened_shape, &m, 3, NULL);
    CHECK_INT(ticket(3)->priority, 1);
    staff("am2", "ambassador", "emergency", NULL, 1, true);
    struct duty_changed on = {TEXT("am1"), true, TEXT("day")};
    run(on_duty_changed, &duty_changed_shape, &on, 0, NULL);
    settle();
    CHECK_TEXT(ticket(3)->handler, "am2");
    CHECK_TEXT(ticket(1)->handler,
               "am1"); /* the first one of its priority; its handler becomes contact owner */
    CHECK_TEXT(ticket(1)->owner, "am1");
    CHECK_INT(ticket(2)->handler.len, 0);
    CHECK_TEXT(((const struct ticket_queued *)last_said(&ticket_queued_shape))->reason,
               "all_at_limit");
    REFUSED(3, "am2", "enter", "class=normal", "REP-11");
    ACT(1, "am1", "enter", "class=emergency", "ENTERED", "am1");
    CHECK_INT(ticket(1)->priority, 1);
    /* Somebody frees: the queue is drained. */
    ACT(1, "su1", "record_in_error", "error_reason=test requested_by=am1", "RECORDED_IN_ERROR",
        "am1");
    CHECK_TEXT(ticket(2)->handler, "am1");
    check_loads();
}

/* A number drawn today may be that of a ticket not heard of yet; an old one never. */
TEST(an_unknown_ticket)
{
    begin();
    usual_people();
    now = INT64_C(1795305600) * SECOND_US; /* 2026-11-22T00:00:00Z */
    static const struct {
        int64_t ticket;
        enum plan_verdict verdict;
    } rows[] = {
        {261122000000001, PLAN_RETRY},
        {261121999999999, PLAN_RETRY},
        {261120000000001, PLAN_REFUSED},
        {261123000000001, PLAN_REFUSED},
        {7, PLAN_REFUSED},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ticket_act m = {.ticket = rows[i].ticket, .action = TEXT("close")};
        run(on_ticket_act, &ticket_act_shape, &m, m.ticket, "sp1");
        CHECK_ROW(outcome.verdict == rows[i].verdict, "%lld: %s", (long long)rows[i].ticket,
                  outcome.err.message);
    }
}

TEST(the_supervisor_overrides)
{
    begin();
    usual_people();
    open_ticket(1, "complaint", "sp1");
    struct ticket_assign m = {1, TEXT("su1"), TEXT("absent")};
    run(on_ticket_assign, &ticket_assign_shape, &m, 1, "sp1");
    CHECK_INT(outcome.verdict, PLAN_REFUSED);
    CHECK_STRING(outcome.err.rule, "RTE-11");
    run(on_ticket_assign, &ticket_assign_shape, &m, 1, "su1");
    settle();
    CHECK_TEXT(ticket(1)->handler, "su1");
    m.handler = TEXT("ghost");
    run(on_ticket_assign, &ticket_assign_shape, &m, 1, "su1");
    CHECK_STRING(outcome.err.field, "handler");
    check_loads();
}

/* AMB-52: in a property department the assistant manager acts as supervisor. */
TEST(who_acts_as_supervisor)
{
    begin();
    usual_people();
    staff("as1", "assistant_manager", NULL, NULL, 0, true);
    struct ticket_opened m = opened(1, "complaint", "sp1");
    m.org_unit = TEXT("ps");
    run(on_ticket_opened, &ticket_opened_shape, &m, 1, NULL);
    settle();
    ACT(1, "sp1", "register", "apology=true facts=a", "REGISTERED", "sp1");
    ACT(1, "as1", "acknowledge", "informed_by=sp1 acknowledged_by=as1 first_measures=a",
        "SUPERVISOR_NOTIFIED", "as1");
    check_loads();
}

TEST(dispatch_that_comes_too_late_gives_back)
{
    begin();
    usual_people();
    struct ticket_opened m = opened(1, "complaint", NULL);
    run(on_ticket_opened, &ticket_opened_shape, &m, 1, NULL);
    for (; heard_n < said_n; heard_n++) /* dispatch decides, the ticket has not heard of it yet */
        if (said[heard_n].shape == &dispatch_due_shape)
            run(on_dispatch_due, &dispatch_due_shape, said[heard_n].body, 0, NULL);
    struct ticket_assign named = {1, TEXT("ma1"), TEXT("urgent")};
    run(on_ticket_assign, &ticket_assign_shape, &named, 1, "su1");
    heard_n = 0;
    settle();
    CHECK_TEXT(ticket(1)->handler, "ma1");
    check_loads();
}

TEST(a_wish_that_is_no_longer_wanted_is_not_dealt_out)
{
    begin();
    usual_people();
    struct ticket_opened m = opened(1, "repair", NULL); /* nobody is trained for it */
    run(on_ticket_opened, &ticket_opened_shape, &m, 1, NULL);
    struct ticket_assign named = {1, TEXT("ma1"), TEXT("urgent")};
    run(on_ticket_assign, &ticket_assign_shape, &named, 1, "su1");
    settle();
    CHECK_INT(table_of(&waiting_row_shape)->n, 0);
    CHECK_INT(last_said(&ticket_queued_shape) == NULL, true);
    check_loads();
}

TEST(wishes_of_one_batch_are_served_by_priority_then_arrival)
{
    begin();
    staff("sp1", "specialist", "complaint", NULL, 1, true);
    settle();
    struct dispatch_due all = {0};
    for (int64_t id = 1; id <= 3; id++) {
        struct ticket_opened m = opened(id, "complaint", NULL);
        run(on_ticket_opened, &ticket_opened_shape, &m, id, NULL);
        struct dispatch_due earlier = all;
        all = *(const struct dispatch_due *)last_said(&dispatch_due_shape);
        if (id == 3) ((struct handler_wish *)all.wishes.at)->priority = 0; /* before all others */
        dispatch_due_merge(arena, &all, &earlier);
    }
    heard_n = said_n;
    run(on_dispatch_due, &dispatch_due_shape, &all, 0, NULL);
    CHECK_INT(table_of(&waiting_row_shape)->n, 2); /* who is given at once never stands there */
    settle();
    CHECK_TEXT(ticket(3)->handler, "sp1");
    CHECK_INT(ticket(1)->handler.len, 0);
    check_loads();
}

TEST(a_new_wish_does_not_pass_those_behind_the_window)
{
    enum { STOOD = WAITING_WINDOW + 50 };
    begin();
    staff("sp1", "specialist", "complaint", NULL, 2 * STOOD, false);
    settle();
    for (int64_t id = 1; id <= STOOD; id++) open_ticket(id, "complaint", NULL);
    struct duty_changed duty = {TEXT("sp1"), true, TEXT("day")};
    run(on_duty_changed, &duty_changed_shape, &duty, 0, NULL);
    heard_n = said_n; /* its dispatch.due becomes one with the wish of the next ticket */
    open_ticket(STOOD + 1, "complaint", NULL);
    CHECK_INT(table_of(&waiting_row_shape)->n, 0);
    CHECK_INT(((const struct assignment_made *)last_said(&assignment_made_shape))->ticket,
              STOOD + 1);
    check_loads();
}

TEST(the_system_closes_at_the_end_of_the_time)
{
    begin();
    usual_people();
    open_ticket(1, "complaint", "sp1");
    struct ticket_row row = *ticket(1);
    row.state = TEXT("SATISFIED");
    put_row(&ticket_row_shape, &row);
    ACT(1, "su1", "summarise", "root_cause=a improvement=b", "SUMMARISED", "su1");
    CHECK_INT(alarm_due - now, 7 * DAY_US); /* 5 working days */
    struct step_due early = {1, alarm_body.moves - 1};
    run(on_step_due, &step_due_shape, &early, 1, NULL);
    CHECK_TEXT(ticket(1)->state, "SUMMARISED");
    now = alarm_due;
    run(on_step_due, &step_due_shape, &alarm_body, 1, NULL);
    CHECK_TEXT(ticket(1)->state, "CLOSED");
    check_loads();
}

/* Whatever happens in whatever order, the loads add up and nobody gets more than the limit. */
TEST(loads_add_up_after_a_random_day)
{
    static const char *const kinds[] = {"inquiry", "complaint", "repair", "suggestion"};
    test_limit(120);
    begin();
    srand(20261122);
    for (int i = 0; i < 6; i++)
        staff((const char *[]){"p1", "p2", "p3", "p4", "p5", "p6"}[i], "specialist", kinds[i % 4],
              NULL, 3, i % 2);
    staff("am1", "ambassador", "repair", NULL, 2, true);
    staff("su1", "supervisor", NULL, NULL, 0, true);
    for (int64_t i = 1; i <= 150; i++) {
        struct ticket_opened m = opened(i, kinds[rand() % 4], rand() % 3 ? "p1" : NULL);
        m.answered = m.recorder.len > 0 && rand() % 5 == 0;
        run(on_ticket_opened, &ticket_opened_shape, &m, i, NULL);
        if (rand() % 3 == 0) settle();
        int64_t other = 1 + rand() % i;
        if (rand() % 3 == 0)
            act(other, "su1", "record_in_error", "error_reason=test requested_by=p1");
        struct ticket_assign assign = {other, TEXT("p2"), TEXT("urgent")};
        if (rand() % 9 == 0) run(on_ticket_assign, &ticket_assign_shape, &assign, other, "su1");
        struct duty_changed duty = {TEXT("p3"), rand() % 2, TEXT("day")};
        run(on_duty_changed, &duty_changed_shape, &duty, 0, NULL);
    }
    settle();
    check_loads();
}
