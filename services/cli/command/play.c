#include "commands.h"

#include "cli/world/world_clock.h"
#include "cli/import/day.h"
#include "cli/client/human_step.h"
#include "intake.msg.h"
#include "data/json.h"
#include "notification.msg.h"
#include "cli/client/console.h"
#include "workforce.msg.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static enum exit_status play(const struct words *words);

const struct command command_play = {
    .name = "play",
    .args = "FILE|DIR",
    .least = 1,
    .most = 1,
    .usage =
        "Play a day on the test clock: contacts, steps, calls and shifts at their own times"
        " (deploy/demo/README.md says how such\n"
        "a day is written). Playing it again changes nothing. Afterwards `kefu report` shows what"
        " came of it.",
    .examples =
        "  kefu up --test-clock=2026-03-17T15:00:00Z --detach\n  kefu play deploy/demo/day.yaml",
    .exec = play};

enum { PATIENCE_MS = 60000, CONTACTS_MAX = 4096, TICKETS_MAX = 8 };

struct contact {
    text name;
    int64_t tickets[TICKETS_MAX];
    size_t n;
};

struct call {
    text name;
    int64_t call;
};

struct playing {
    struct client *client;
    struct clockwork *clockwork;
    struct arena *arena;
    struct day *day;
    struct contact contacts[CONTACTS_MAX];
    struct call calls[CONTACTS_MAX];
    size_t contacts_n, calls_n;
    struct reply reply; /* to the last command */
    bool over;
};

static text get(const struct yaml *node, const char *key)
{
    const struct yaml *value = yaml_get(node, key);
    return value != NULL && value->kind == YAML_SCALAR ? value->value : (text){0};
}

static int fail(const struct yaml *node, struct err *err, const char *what)
{
    return err_set(err, "%s:%d: %s", node->file, node->line, what);
}

/* --- values --- */

static int64_t ticket_of(const struct playing *p, text contact, int64_t item)
{
    for (size_t i = 0; i < p->contacts_n; i++)
        if (text_equal(p->contacts[i].name, contact) && item >= 1 &&
            (size_t)item <= p->contacts[i].n)
            return p->contacts[i].tickets[item - 1];
    return 0;
}

/* "@17:00" is a time, "#m01.2" the number of a ticket; all else is itself. Absent if it cannot be
   resolved. */
static text resolve(const struct playing *p, text written)
{
    struct buf out = {0};
    time_us at;
    int64_t item = 1;
    text rest = {written.at + 1, written.len - 1};
    if (text_starts(written, "@")) {
        if (!wall_read_day(p->day->zone, p->day->day, rest, &at)) return (text){0};
        json_add_time(&out, at);
    } else if (text_starts(written, "#")) {
        text name = text_take(&rest, '.');
        if (rest.len > 0 && !text_to_int(rest, &item)) return (text){0};
        buf_printf(&out, "%" PRId64, ticket_of(p, name, item));
    } else {
        return written;
    }
    text value = arena_text(p->arena, buf_text(&out));
    buf_finish(&out);
    return value;
}

static time_us time_of(const struct playing *p, const struct yaml *node, const char *key)
{
    time_us at = 0;
    text value = get(node, key);
    if (value.len > 0 && !json_time(resolve(p, value), &at)) return -1;
    return at;
}

/* --- sending --- */

static void keep(void *ctx, const struct reply *reply)
{
    struct playing *p = ctx;
    p->reply = *reply;
    p->reply.body = NULL;
    p->over = true;
}

/* The body of the answer, or NULL (p->reply says why). */
static const void *send(struct playing *p, const char *service, const struct shape *shape,
                        const void *body, text step, text actor)
{
    struct question question = {.shape = shape,
                                .body = body,
                                .service = client_service(p->client, service),
                                .replica = ANY_REPLICA,
                                .step = step,
                                .actor = actor,
                                .patience_ms = PATIENCE_MS};
    p->reply = client_call(p->client, &question, p->arena);
    return p->reply.kind == REPLY_ANSWERED ? p->reply.body : NULL;
}

/* --- contacts --- */

/* The items as JSON: the words of the file are the message's own fields. */
static void add_item(const struct playing *p, struct buf *json, const struct yaml *item)
{
    bool first = true;
    buf_add_char(json, '{');
    YAML_EACH(entry, item)
    {
        const struct field *field = shape_field(&contact_item_shape, entry->key);
        if (!first) buf_add_char(json, ',');
        first = false;
        json_quote(json, entry->key);
        buf_add_char(json, ':');
        if (field != NULL && field->type == FIELD_BOOL)
            buf_add_text(json, entry->value);
        else
            json_quote(json, field != NULL && field->type == FIELD_TIME ? resolve(p, entry->value)
                                                                        : entry->value);
    }
    buf_add_char(json, '}');
}

static int read_items(const struct playing *p, const struct yaml *node, struct list *out,
                      struct err *err)
{
    const struct yaml *items = yaml_get(node, "items");
    struct contact_item *at = ARENA_ARRAY(p->arena, struct contact_item, yaml_count(items) + 1);
    size_t n = 0;
    YAML_EACH(item, items)
    {
        struct buf json = {0};
        add_item(p, &json, item);
        const struct contact_item *read =
            json_read(buf_text(&json), &contact_item_shape, p->arena, err);
        buf_finish(&json);
        if (read == NULL) return err_prefix(err, "%s:%d", item->file, item->line);
        at[n++] = *read;
    }
    *out = (struct list){at, n};
    return 0;
}

static int play_contact(struct playing *p, const struct day_entry *entry, struct err *err)
{
    const struct yaml *node = entry->node, *customers = yaml_get(p->day->customers, "customers");
    text key = get(node, "customer");
    const struct yaml *customer = key.len > 0 ? yaml_get(customers, key.at) : NULL;
    struct contact_record body = {.source = p->day->source,
                                  .source_id = entry->contact,
                                  .channel = get(node, "channel"),
                                  .recorder = get(node, "by"),
                                  .org_unit = p->day->org_unit,
                                  .customer_name = get(customer, "name"),
                                  .honorific = get(customer, "honorific"),
                                  .phone = get(customer, "phone"),
                                  .email = get(customer, "email"),
                                  .address = get(customer, "address"),
                                  .important = given_bool(text_is(get(node, "important"), "true"))};
    if (key.len > 0 && customer == NULL) return fail(node, err, "there is no such customer");
    if (p->contacts_n == CONTACTS_MAX) return fail(node, err, "too many contacts");
    if (read_items(p, node, &body.items, err) < 0) return -1;
    const struct contact_recorded *recorded =
        send(p, "intake", &contact_record_shape, &body, entry->step, get(node, "by"));
    if (recorded == NULL) return 0;
    struct contact *contact = &p->contacts[p->contacts_n++];
    contact->name = entry->contact;
    for (; contact->n < recorded->tickets.n && contact->n < TICKETS_MAX; contact->n++)
        contact->tickets[contact->n] = LIST(recorded->tickets, int64_t)[contact->n];
    return 0;
}

/* --- what is done about them --- */

static int play_act(struct playing *p, const struct day_entry *entry, int64_t ticket,
                    struct err *err)
{
    const struct yaml *node = entry->node, *assignees = yaml_get(node, "assignees");
    struct deed deed = {.ticket = ticket,
                        .action = get(node, "do"),
                        .actor = get(node, "by"),
                        .step = entry->step,
                        .handler = get(node, "handler"),
                        .department = get(node, "department"),
                        .patience_ms = PATIENCE_MS};
    text *people = ARENA_ARRAY(p->arena, text, yaml_count(assignees) + 1);
    YAML_EACH(person, assignees)
    people[deed.assignees.n++] = person->value;
    deed.assignees.at = people;
    bool room = true;
    YAML_EACH(field, yaml_get(node, "fields"))
    room = room && deed_add(&deed, field->key, resolve(p, field->value), false);
    YAML_EACH(note, yaml_get(node, "notes"))
    room = room && deed_add(&deed, note->key, note->value, true);
    if (!room) return fail(node, err, "too many fields");
    p->over = false;
    deed_do(p->client, &deed, keep, p);
    while (!p->over) client_wait(p->client, 0);
    return 0;
}

static int play_duty(struct playing *p, const struct day_entry *entry, struct err *err)
{
    (void)err;
    YAML_EACH(person, yaml_get(entry->node, "staff"))
    {
        struct duty_set body = {.staff = person->value,
                                .on = text_is(entry->what, "on_duty"),
                                .roster = get(entry->node, "roster")};
        text step = arena_printf(p->arena, "%s/%s", entry->step.at, person->value.at);
        if (send(p, "workforce", &duty_set_shape, &body, step, person->value) == NULL) return 0;
    }
    return 0;
}

static int play_plan_call(struct playing *p, const struct day_entry *entry, int64_t ticket,
                          struct err *err)
{
    const struct yaml *node = entry->node;
    struct call_plan body = {.ticket = ticket,
                             .caller = get(node, "caller"),
                             .purpose = get(node, "purpose"),
                             .not_before = time_of(p, node, "not_before"),
                             .urgency = get(node, "urgency")};
    if (p->calls_n == CONTACTS_MAX || body.not_before < 0)
        return fail(node, err, "too many calls, or not_before is no time");
    const struct call_planned *planned =
        send(p, "notification", &call_plan_shape, &body, entry->step, get(node, "by"));
    if (planned != NULL) p->calls[p->calls_n++] = (struct call){get(node, "id"), planned->call};
    return 0;
}

static int play_call_done(struct playing *p, const struct day_entry *entry, int64_t ticket,
                          struct err *err)
{
    const struct yaml *node = entry->node;
    struct call_done body = {.ticket = ticket,
                             .outcome = get(node, "outcome"),
                             .gives = get(node, "gives"),
                             .next_at = time_of(p, node, "next_at"),
                             .urgency = get(node, "urgency")};
    for (size_t i = 0; i < p->calls_n; i++)
        if (text_equal(p->calls[i].name, get(node, "id"))) body.call = p->calls[i].call;
    if (body.call == 0 || body.next_at < 0)
        return fail(node, err, "no such call was planned, or next_at is no time");
    (void)send(p, "notification", &call_done_shape, &body, entry->step, get(node, "by"));
    return 0;
}

static int play_reply(struct playing *p, const struct day_entry *entry, int64_t ticket,
                      struct err *err)
{
    const struct yaml *node = entry->node;
    struct note_record note = {
        .ticket = ticket, .name = TEXT("reply"), .words = get(node, "words")};
    text step = arena_printf(p->arena, "%s/reply", entry->step.at);
    const struct note_recorded *recorded =
        send(p, "intake", &note_record_shape, &note, step, get(node, "by"));
    if (recorded == NULL) return 0;
    struct reply_send body = {.ticket = ticket,
                              .channel = get(node, "channel"),
                              .note = recorded->note,
                              .gives = get(node, "gives"),
                              .next_at = time_of(p, node, "next_at")};
    if (body.next_at < 0) return fail(node, err, "next_at is no time");
    (void)send(p, "notification", &reply_send_shape, &body, entry->step, get(node, "by"));
    return 0;
}

static int play_follow_up(struct playing *p, const struct day_entry *entry, int64_t ticket,
                          struct err *err)
{
    const struct yaml *node = entry->node;
    struct contact_follow_up body = {
        .ticket = ticket,
        .source = p->day->source,
        .channel = get(node, "channel"),
        .words = get(node, "words"),
        .source_id = arena_printf(p->arena, "%s/%d", entry->contact.at, node->line)};
    (void)err;
    (void)send(p, "intake", &contact_follow_up_shape, &body, entry->step, get(node, "by"));
    return 0;
}

static const struct {
    const char *what;
    int (*fn)(struct playing *p, const struct day_entry *entry, int64_t ticket, struct err *err);
} kinds[] = {{"act", play_act},
             {"plan_call", play_plan_call},
             {"call_done", play_call_done},
             {"reply", play_reply},
             {"follow_up", play_follow_up}};

/* Everything that may go wrong in the files is in err; what the services say is in p->reply. */
static int play_entry(struct playing *p, const struct day_entry *entry, struct err *err)
{
    if (text_is(entry->what, "contact")) return play_contact(p, entry, err);
    if (text_is(entry->what, "on_duty") || text_is(entry->what, "off_duty"))
        return play_duty(p, entry, err);
    int64_t ticket = ticket_of(p, entry->contact, entry->item);
    if (ticket == 0) return fail(entry->node, err, "there is no such ticket yet");
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (text_is(entry->what, kinds[i].what)) return kinds[i].fn(p, entry, ticket, err);
    return fail(entry->node, err, "`what` is not known");
}

static int check_reply(const struct playing *p, const struct day_entry *entry, struct err *err)
{
    bool refusal = text_is(get(entry->node, "expect"), "refused");
    if (p->reply.kind == (refusal ? REPLY_REFUSED : REPLY_ANSWERED)) return 0;
    if (refusal) return fail(entry->node, err, "this must be refused, and was not");
    *err = p->reply.err;
    return err_prefix(err, "%s:%d: %.*s of %s", entry->node->file, entry->node->line,
                      TEXT_ARG(entry->what), entry->contact.len > 0 ? entry->contact.at : "nobody");
}

static void show(const struct playing *p, size_t i)
{
    struct buf line = {0};
    if (!terminal_is_there() && i % 100 != 0) return;
    json_add_time(&line, clockwork_now(p->clockwork));
    buf_printf(&line, "  %zu of %zu things done", i, p->day->n);
    terminal_progress(buf_text(&line), i == p->day->n);
    buf_finish(&line);
}

static int play_day(struct playing *p, struct err *err)
{
    if (people_send(p->day->people, p->client, PATIENCE_MS, err) < 0) return -1;
    clockwork_stir(p->clockwork);
    for (size_t i = 0; i < p->day->n; i++) {
        const struct day_entry *entry = &p->day->entries[i];
        if (clockwork_advance(p->clockwork, entry->at, err) < 0) return -1;
        if (play_entry(p, entry, err) < 0 || check_reply(p, entry, err) < 0) return -1;
        clockwork_stir(p->clockwork);
        show(p, i);
    }
    if (clockwork_advance(p->clockwork, p->day->until, err) < 0) return -1;
    show(p, p->day->n);
    return 0;
}

static const char *file_of(const char *word, struct arena *arena)
{
    struct stat status;
    bool folder = stat(word, &status) == 0 && S_ISDIR(status.st_mode);
    return folder ? arena_printf(arena, "%s/day.yaml", word).at : word;
}

static enum exit_status play(const struct words *words)
{
    static struct playing p;
    struct err err = {0};
    enum exit_status status = STATUS_OK;
    p.arena = arena_create();
    p.day = day_read(file_of(words->at[0], p.arena), p.arena, &err);
    if (p.day == NULL) status = complain(STATUS_FAILED, &err);
    if (status == STATUS_OK && (p.client = talk_open()) == NULL) status = STATUS_UNREACHABLE;
    if (status == STATUS_OK) {
        p.clockwork = clockwork_create(p.client, PATIENCE_MS, &err);
        if (p.clockwork == NULL || play_day(&p, &err) < 0) status = complain(STATUS_FAILED, &err);
    }
    client_close(p.client);
    clockwork_destroy(p.clockwork);
    day_finish(p.day);
    arena_destroy(p.arena);
    return status;
}
