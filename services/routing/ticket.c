#include "ticket.h"

#include "choose.h"
#include "names.h"
#include "store.h"

#include <string.h>

/* --- looking at it --- */

static const struct unit_row *find_unit(struct list units, text unit)
{
    for (size_t i = 0; i < units.n; i++)
        if (text_equal(LIST(units, struct unit_row)[i].unit, unit)) return &LIST(units, struct unit_row)[i];
    return NULL;
}

enum { TREE_DEPTH = 16 };

static bool in_unit(const void *ctx, text unit)
{
    const struct desk *desk = ctx;
    text at = desk->ticket.org_unit;
    for (int depth = 0; depth < TREE_DEPTH && at.len > 0; depth++) {
        if (text_equal(at, unit)) return true;
        const struct unit_row *row = find_unit(desk->units, at);
        at = row == NULL ? (text){NULL, 0} : row->parent;
    }
    return false;
}

static bool of_type(const void *ctx, text type)
{
    const struct desk *desk = ctx;
    const struct unit_row *row = find_unit(desk->units, desk->ticket.org_unit);
    for (int depth = 0; depth < TREE_DEPTH && row != NULL; depth++) {
        if (text_equal(row->type, type)) return true;
        row = find_unit(desk->units, row->parent);
    }
    return false;
}

const struct routing_case *desk_case(struct desk *desk)
{
    const struct ticket_row *ticket = &desk->ticket;
    desk->which = (struct routing_case){ticket->kind, ticket->topic, ticket->department, ticket->flags,
                                        in_unit, of_type, desk};
    return &desk->which;
}

struct flow_at desk_at(struct desk *desk)
{
    const struct ticket_row *ticket = &desk->ticket;
    return (struct flow_at){ticket->state, ticket->round, ticket->refusals, ticket->attempts,
                            names_split(ticket->flags, desk->plan->arena)};
}

/* Entries of a list "KEY=value,…". */
static bool split_entry(text entry, text *key, text *value)
{
    const char *equals = memchr(entry.at, '=', entry.len);
    if (equals == NULL) return false;
    *key = (text){entry.at, (size_t)(equals - entry.at)};
    *value = (text){equals + 1, entry.len - key->len - 1};
    return true;
}

static struct yaml_texts steps_taken(struct desk *desk, text staff)
{
    text taken = {NULL, 0}, entry, step, by;
    for (text rest = desk->ticket.took; names_next(&rest, &entry);)
        if (split_entry(entry, &step, &by) && text_equal(by, staff)) taken = names_add(taken, step, desk->plan->arena);
    return names_split(taken, desk->plan->arena);
}

/* Away: the deputy acts (ORG-71). */
static bool is_deputy(struct desk *desk, text of, text staff)
{
    for (size_t i = 0; i < desk->people.n; i++) {
        const struct person_row *person = &LIST(desk->people, struct person_row)[i];
        if (text_equal(person->staff, of))
            return text_equal(person->deputy, staff) && !(person->on_duty && person->active);
    }
    return false;
}

static text roles_of(struct desk *desk, const struct person_row *actor)
{
    text roles = actor->roles, role;
    for (size_t i = 0; i < desk->people.n; i++) {
        const struct person_row *person = &LIST(desk->people, struct person_row)[i];
        if (!text_equal(person->deputy, actor->staff) || (person->on_duty && person->active)) continue;
        for (text rest = person->roles; names_next(&rest, &role);) roles = names_add(roles, role, desk->plan->arena);
    }
    return roles;
}

struct flow_actor desk_actor(struct desk *desk, const struct person_row *person)
{
    const struct ticket_row *ticket = &desk->ticket;
    return (struct flow_actor){
        .roles = routing_roles(desk->policy, desk_case(desk), roles_of(desk, person), desk->plan->arena),
        .owner = text_equal(ticket->owner, person->staff) || is_deputy(desk, ticket->owner, person->staff),
        .handler = text_equal(ticket->handler, person->staff),
        .took = steps_taken(desk, person->staff),
    };
}

/* --- who answers next --- */

void dispatch_wake(struct plan *plan)
{
    plan_say(plan, &dispatch_due_shape, &(struct dispatch_due){TEXT("all")});
}

static void wake_once(struct desk *desk)
{
    if (!desk->woken) dispatch_wake(desk->plan);
    desk->woken = true;
}

/* Whoever took a step that the next person must not have taken (ORG-70). */
static text barred_from(struct desk *desk)
{
    struct flow_at at = desk_at(desk);
    text barred = {NULL, 0}, entry, id, by;
    for (size_t i = 0; i < desk->flow->steps_n; i++) {
        const struct flow_step *step = &desk->flow->steps[i];
        if (step->any || step->not_same_as.n == 0 || !flow_possible(desk->flow, step, &at)) continue;
        for (text rest = desk->ticket.took; names_next(&rest, &entry);) {
            if (!split_entry(entry, &id, &by)) continue;
            for (size_t j = 0; j < step->not_same_as.n; j++)
                if (text_equal(step->not_same_as.at[j], id)) barred = names_add(barred, by, desk->plan->arena);
        }
    }
    return barred;
}

static void wait_in_queue(struct desk *desk, text role)
{
    struct ticket_row *ticket = &desk->ticket;
    const struct routing_case *which = desk_case(desk);
    const struct queue_rule *rule = routing_queue(desk->policy, which, role);
    struct wanted wanted = {
        .role = routing_stand_in(desk->policy, which, role),
        .skill = rule->skill_of_kind ? ticket->kind : rule->skill,
        .department = rule->per_department ? ticket->department : (text){NULL, 0},
        .emergency = rule->emergency_roster,
    };
    text line = wanted_write(&wanted, desk->plan->arena);
    ticket->handler = (text){NULL, 0};
    ticket->queue = rule->name;
    ticket->wish++;
    plan_write(desk->plan, &queue_line_insert, &(struct queue_line_row){.queue = rule->name, .line = line});
    plan_write(desk->plan, &waiting_insert,
               &(struct waiting_row){.ticket = ticket->id, .wish = ticket->wish, .queue = rule->name, .line = line,
                                     .priority = ticket->priority, .arrived = ticket->received_at,
                                     .barred = barred_from(desk)});
    wake_once(desk);
}

void desk_name(struct desk *desk, text handler, const char *how)
{
    struct ticket_row *ticket = &desk->ticket;
    if (ticket->queue.len > 0 && !desk->counted) wake_once(desk); /* so that its place in the queue is cleared away */
    ticket->queue = (text){NULL, 0};
    ticket->handler = handler;
    desk->how = how;
    if (ticket->owner.len == 0 && desk->policy->first_handler_owns) ticket->owner = handler;
}

static bool may_answer(struct desk *desk, text staff, text role)
{
    const struct person_row *person = people_find(desk->people, staff);
    const struct routing_case *which = desk_case(desk);
    if (person == NULL || !routing_acts(desk->policy, which, person->roles, role)) return false;
    if (!routing_queue(desk->policy, which, role)->per_department || which->department.len == 0) return true;
    return text_equal(person->department, which->department) || text_equal(person->unit, which->department);
}

/* Whoever has it now goes on if the role allows it; else the queue decides. */
static void give_to_role(struct desk *desk, text role)
{
    text handler = desk->ticket.handler;
    if (handler.len > 0 && may_answer(desk, handler, role) && !names_have(barred_from(desk), handler)) return;
    wait_in_queue(desk, role);
}

static text held_before(struct desk *desk)
{
    text entry, state, by;
    for (text rest = desk->ticket.held; names_next(&rest, &entry);)
        if (split_entry(entry, &state, &by) && text_equal(state, desk->ticket.state)) return by;
    return (text){NULL, 0};
}

static void give_named(struct desk *desk, text named, text role, const char *field)
{
    if (named.len == 0) {
        give_to_role(desk, role);
    } else if (!may_answer(desk, named, role)) {
        plan_refuse(desk->plan, field, "ORG-69", "%.*s is no active %.*s who could take the ticket", TEXT_ARG(named),
                    TEXT_ARG(role));
    } else if (names_have(barred_from(desk), named)) {
        plan_refuse(desk->plan, field, "ORG-70", "%.*s took part and must not decide about it", TEXT_ARG(named));
    } else {
        desk_name(desk, named, "named");
    }
}

/* The handler of the state just entered. `named` is the command's own word. */
static void give(struct desk *desk, const struct flow_step *step, const struct form *form, text actor)
{
    struct flow_at at = desk_at(desk);
    text role = flow_handler_role(step, &at);
    text back = held_before(desk);
    bool by_owner = people_find(desk->people, desk->ticket.owner) != NULL;
    switch (step->handler) {
    case FLOW_KEEP: break;
    case FLOW_NOBODY: break;
    case FLOW_QUEUE: give_named(desk, form == NULL ? (text){NULL, 0} : form->handler, role, "handler"); break;
    case FLOW_NAMED:
        give_named(desk, form == NULL ? (text){NULL, 0} : form_get(form, step->handler_field), role, "handler");
        break;
    case FLOW_OWNER:
        if (by_owner) desk_name(desk, desk->ticket.owner, "owner");
        else give_to_role(desk, role);
        break;
    case FLOW_ACTOR:
        if (actor.len > 0) desk_name(desk, actor, "named");
        break;
    case FLOW_BACK:
        if (people_find(desk->people, back) != NULL) desk_name(desk, back, "named");
        else give_to_role(desk, role);
        break;
    }
}

/* --- settling --- */

static void count_load(struct desk *desk, text staff, int64_t change)
{
    plan_add(desk->plan, &staff_tally_add,
             &(struct staff_tally_row){staff, change, change < 0 ? desk->plan->now : 0});
    const struct person_row *person = people_find(desk->people, staff);
    /* Somebody without a limit was free all the time. */
    if (change < 0 && person != NULL && person_most(desk->policy, person) > 0) wake_once(desk);
}

void desk_give_back(struct desk *desk, text staff)
{
    count_load(desk, staff, -1);
}

static void say_assigned(struct desk *desk, text actor)
{
    const struct ticket_row *ticket = &desk->ticket;
    plan_say(desk->plan, &ticket_assigned_shape,
             &(struct ticket_assigned){.ticket = ticket->id, .kind = ticket->kind, .state = ticket->state,
                                       .handler = ticket->handler, .before = desk->handler_before,
                                       .owner = ticket->owner, .how = text_of(desk->how), .actor = actor,
                                       .queue = desk->counted ? desk->queue_before : (text){NULL, 0},
                                       .org_unit = ticket->org_unit, .department = ticket->department,
                                       .priority = ticket->priority});
}

void desk_settle(struct desk *desk, text actor)
{
    const struct ticket_row *ticket = &desk->ticket;
    bool ended = ticket->closed_at != 0;
    bool changed = !text_equal(desk->handler_before, ticket->handler);
    if (desk->handler_before.len > 0 && (ended || changed)) count_load(desk, desk->handler_before, -1);
    if (ticket->handler.len > 0 && changed && !ended) {
        if (!desk->counted) count_load(desk, ticket->handler, 1);
        say_assigned(desk, actor);
    }
    plan_write(desk->plan, desk->new ? &ticket_insert : &ticket_update, ticket);
}

void desk_record(struct desk *desk, const char *step, const char *action, text actor, text fields)
{
    struct ticket_row *ticket = &desk->ticket;
    plan_write(desk->plan, &move_insert,
               &(struct move_row){.ticket = ticket->id, .n = ++ticket->moves, .step = text_of(step),
                                  .action = text_of(action), .before = ticket->state, .after = ticket->state,
                                  .actor = actor, .handler = ticket->handler, .round = ticket->round,
                                  .at = desk->plan->now, .fields = fields});
}

/* --- taking a step --- */

static void keep_held(struct desk *desk)
{
    struct ticket_row *ticket = &desk->ticket;
    text entry, state, by, kept = {NULL, 0};
    struct arena *arena = desk->plan->arena;
    if (ticket->handler.len == 0) return;
    for (text rest = ticket->held; names_next(&rest, &entry);)
        if (split_entry(entry, &state, &by) && !text_equal(state, ticket->state)) kept = names_add(kept, entry, arena);
    entry = arena_printf(arena, "%.*s=%.*s", TEXT_ARG(ticket->state), TEXT_ARG(ticket->handler));
    ticket->held = names_add(kept, entry, arena);
}

static void keep_taken(struct desk *desk, const struct flow_step *step, text actor)
{
    struct arena *arena = desk->plan->arena;
    if (actor.len == 0) return;
    text entry = arena_printf(arena, "%.*s=%.*s", TEXT_ARG(step->id), TEXT_ARG(actor));
    desk->ticket.took = names_add(desk->ticket.took, entry, arena);
}

static void change_flags(struct desk *desk, const struct flow_step *step)
{
    struct ticket_row *ticket = &desk->ticket;
    for (size_t i = 0; i < step->sets.n; i++)
        ticket->flags = names_add(ticket->flags, step->sets.at[i], desk->plan->arena);
    for (size_t i = 0; i < step->clears.n; i++)
        ticket->flags = names_remove(ticket->flags, step->clears.at[i], desk->plan->arena);
}

static time_us promised_in(const struct form *form)
{
    if (form == NULL) return 0;
    time_us promised = form_time(form, TEXT("promised_at"));
    return promised != 0 ? promised : form_time(form, TEXT("next_date"));
}

/* What the form says about the ticket itself. */
static void take_over_form(struct desk *desk, const struct form *form)
{
    struct ticket_row *ticket = &desk->ticket;
    if (form == NULL) return;
    text department = form_get(form, TEXT("department"));
    text class = form_get(form, TEXT("class"));
    if (department.len > 0) ticket->department = department;
    if (promised_in(form) != 0) ticket->promised_at = promised_in(form);
    if (class.len == 0) return;
    ticket->class = class;
    ticket->flags = text_is(class, "emergency") ? names_add(ticket->flags, class, desk->plan->arena)
                                                : names_remove(ticket->flags, TEXT("emergency"), desk->plan->arena);
}

static void end_ticket(struct desk *desk, const struct flow_step *step)
{
    struct ticket_row *ticket = &desk->ticket;
    ticket->closed_at = desk->plan->now;
    if (ticket->queue.len > 0) wake_once(desk);
    ticket->queue = (text){NULL, 0};
    if (!step->is_exit) return;
    char *exit = arena_copy(desk->plan->arena, ticket->state.at, ticket->state.len);
    for (size_t i = 0; i < ticket->state.len; i++)
        if (exit[i] >= 'A' && exit[i] <= 'Z') exit[i] = (char)(exit[i] - 'A' + 'a');
    ticket->exit = (text){exit, ticket->state.len};
}

/* A linked ticket of another kind goes on with the same contact, owner and receipt time. */
static void open_linked(struct desk *desk, text kind)
{
    const struct ticket_row *from = &desk->ticket;
    struct ticket_row new = {
        .id = plan_new_id(desk->plan), .contact = from->contact, .kind = kind, .topic = from->topic,
        .channel = from->channel, .org_unit = from->org_unit, .project = from->project, .owner = from->owner,
        .received_at = from->received_at, .customer = from->customer, .label = from->label, .locale = from->locale,
        .important = from->important, .deferred = from->deferred, .reachable = from->reachable, .linked = from->id,
        .flags = from->important ? TEXT("important") : (text){NULL, 0},
    };
    struct desk other = {0};
    desk->ticket.linked = new.id;
    desk_open(&other, desk->plan, &new, desk->people, desk->units);
}

static void link_other(struct desk *desk, const struct flow_step *step, const struct form *form)
{
    int64_t other;
    text kind = step->opens;
    if (form != NULL && step->opens_field.len > 0) kind = form_get(form, step->opens_field);
    if (kind.len > 0) open_linked(desk, kind);
    else if (form != NULL && step->links_field.len > 0 && text_to_int(form_get(form, step->links_field), &other))
        desk->ticket.linked = other;
}

static void record_path(struct desk *desk, const struct flow_step *step, const struct form *form, text actor)
{
    struct ticket_row *ticket = &desk->ticket;
    text before = ticket->state;
    for (size_t i = 0; i < step->to.n; i++) {
        struct move_row move = {.ticket = ticket->id, .n = ++ticket->moves, .step = step->id, .action = step->action,
                                .before = before, .after = step->to.at[i], .actor = actor,
                                .handler = ticket->handler, .round = ticket->round, .at = desk->plan->now};
        if (i == 0 && form != NULL) move.fields = form_write(form, desk->plan->arena);
        plan_write(desk->plan, &move_insert, &move);
        before = step->to.at[i];
    }
    ticket->state = before;
}

static bool has_word(struct yaml_texts words, const char *word)
{
    for (size_t i = 0; i < words.n; i++)
        if (text_is(words.at[i], word)) return true;
    return false;
}

static struct list as_list(struct yaml_texts texts)
{
    return (struct list){texts.at, texts.n};
}

static void say_moved(struct desk *desk, const struct flow_step *step, const struct form *form, text actor, text from)
{
    const struct ticket_row *ticket = &desk->ticket;
    const struct flow_state *state = flow_state(desk->flow, ticket->state);
    bool delivered = form != NULL && form_get(form, TEXT("delivery")).len > 0;
    struct ticket_moved moved = {
        .ticket = ticket->id, .kind = ticket->kind, .step = step->id, .action = step->action, .from = from,
        .to = ticket->state, .path = as_list(step->to), .actor = actor, .owner = ticket->owner,
        .handler = ticket->handler, .department = ticket->department,
        .assignees = as_list(names_split(ticket->assignees, desk->plan->arena)), .round = ticket->round,
        .priority = ticket->priority, .class = ticket->class, .org_unit = ticket->org_unit,
        .replied = actor.len > 0 && (delivered || has_word(step->stops, "SLA-03")),
        .acknowledged = actor.len > 0 && has_word(step->stops, "CMP-02"), .promised_at = promised_in(form),
        .terminal = state->end, .exit = ticket->exit, .linked = ticket->linked, .received_at = ticket->received_at,
        .flags = as_list(names_split(ticket->flags, desk->plan->arena)), .waits = state->waits,
    };
    if (form != NULL) {
        moved.reason = form_reason(step, form);
        moved.fields = form->fields;
    }
    plan_say(desk->plan, &ticket_moved_shape, &moved);
}

enum { WORKING_HOURS = 8, WORKDAYS = 5, WEEK = 7, DAY_HOURS = 24 };

/* Working time as a natural length that is not shorter: calendars are escalation's. */
static time_us natural(struct span span)
{
    if (span.unit == SPAN_WORKING_DAYS) return (span.n * WEEK + WORKDAYS - 1) / WORKDAYS * DAY_US;
    if (span.unit == SPAN_WORKING_HOURS) return (span.n * DAY_HOURS + WORKING_HOURS - 1) / WORKING_HOURS * HOUR_US;
    return span_natural(span);
}

/* The system takes a step of its own at the end of the state's time. */
static void set_alarm(struct desk *desk, bool was_set)
{
    struct ticket_row *ticket = &desk->ticket;
    struct flow_at at = desk_at(desk);
    const struct flow_step *step = ticket->closed_at != 0 ? NULL : flow_automatic(desk->flow, &at, FLOW_ON_DUE);
    if (step != NULL && step->due.kind == FLOW_DUE_SPAN)
        plan_wake(desk->plan, &step_due_shape, desk->plan->now + natural(step->due.span),
                  &(struct step_due){ticket->id, ticket->moves});
    else if (was_set)
        plan_cancel_id(desk->plan, &step_due_shape, ticket->id);
}

static void set_priority(struct desk *desk)
{
    struct ticket_row *ticket = &desk->ticket;
    int64_t priority = routing_priority(desk->policy, desk_case(desk));
    if (priority == ticket->priority) return;
    ticket->priority = priority;
    if (ticket->queue.len > 0 && ticket->closed_at == 0)
        wait_in_queue(desk, flow_state(desk->flow, ticket->state)->answers); /* at its new place */
}

static void move_on(struct desk *desk, const struct flow_step *step, const struct form *form, text actor)
{
    struct ticket_row *ticket = &desk->ticket;
    text from = ticket->state;
    keep_held(desk);
    keep_taken(desk, step, actor);
    change_flags(desk, step);
    take_over_form(desk, form);
    if (step->next_round) ticket->round++;
    if (step->refusal) ticket->refusals++;
    record_path(desk, step, form, actor);
    if (!text_equal(from, ticket->state)) ticket->attempts = 0;
    if (flow_state(desk->flow, ticket->state)->end) end_ticket(desk, step);
    else give(desk, step, form, actor);
    set_priority(desk);
    if (plan_refused(desk->plan)) return;
    link_other(desk, step, form);
    say_moved(desk, step, form, actor, from);
}

void desk_step(struct desk *desk, const struct flow_step *step, const struct form *form,
               const struct person_row *actor, struct list assignees)
{
    struct flow_at at = desk_at(desk);
    bool alarm_was_set = flow_automatic(desk->flow, &at, FLOW_ON_DUE) != NULL;
    if (assignees.n > 0) desk->ticket.assignees = names_join(assignees, desk->plan->arena);
    move_on(desk, step, form, actor == NULL ? (text){NULL, 0} : actor->staff);
    at = desk_at(desk);
    const struct flow_step *next = desk->ticket.closed_at != 0 || step->automatic == FLOW_ON_ENTRY
                                       ? NULL : flow_automatic(desk->flow, &at, FLOW_ON_ENTRY);
    if (next != NULL && !plan_refused(desk->plan)) move_on(desk, next, NULL, (text){NULL, 0});
    set_alarm(desk, alarm_was_set);
}

/* --- beginning --- */

static bool find_flow(struct desk *desk)
{
    const struct ticket_row *ticket = &desk->ticket;
    desk->policy = plan_policy(desk->plan, ticket->policy);
    desk->flow = desk->policy == NULL ? NULL : flow_find(desk->policy->flows, ticket->kind);
    if (desk->flow == NULL)
        plan_refuse(desk->plan, "kind", "ORG-21", "there is no flow %.*s in policy version %lld", TEXT_ARG(ticket->kind),
                    (long long)ticket->policy);
    return desk->flow != NULL;
}

bool desk_load(struct desk *desk, struct plan *plan, const struct ticket_row *ticket, struct list people,
               struct list units)
{
    *desk = (struct desk){.plan = plan, .people = people, .units = units, .ticket = *ticket,
                          .handler_before = ticket->handler, .queue_before = ticket->queue};
    return find_flow(desk);
}

static const struct flow_state *start_state(const struct flow *flow)
{
    for (size_t i = 0; i < flow->states_n; i++)
        if (flow->states[i].start) return &flow->states[i];
    return NULL;
}

/* SLA-02: a recorder who solved the matter in the contact counts as its handler; otherwise the recorder is none. */
static void give_first(struct desk *desk, const struct flow_state *state)
{
    struct ticket_row *ticket = &desk->ticket;
    bool known = people_find(desk->people, ticket->owner) != NULL;
    if (ticket->answered && ticket->owner.len > 0) desk_name(desk, ticket->owner, "recorder");
    else if (state->opened == FLOW_OWNER && known) desk_name(desk, ticket->owner, "owner");
    else wait_in_queue(desk, state->answers);
}

static void say_started(struct desk *desk)
{
    const struct ticket_row *t = &desk->ticket;
    plan_say(desk->plan, &ticket_started_shape,
             &(struct ticket_started){
                 .ticket = t->id, .contact = t->contact, .kind = t->kind, .topic = t->topic,
                 .flow_version = t->policy, .state = t->state, .priority = t->priority, .class = t->class,
                 .channel = t->channel, .org_unit = t->org_unit, .project = t->project, .department = t->department,
                 .owner = t->owner, .handler = t->handler, .received_at = t->received_at,
                 .promised_at = t->promised_at, .customer = t->customer, .label = t->label, .locale = t->locale,
                 .important = t->important, .answered = t->answered, .deferred = t->deferred,
                 .reachable = t->reachable, .repeat_of = t->repeat_of, .linked = t->linked,
                 .flags = as_list(names_split(t->flags, desk->plan->arena))});
}

static void record_start(struct desk *desk)
{
    struct ticket_row *ticket = &desk->ticket;
    plan_write(desk->plan, &move_insert,
               &(struct move_row){.ticket = ticket->id, .n = ++ticket->moves, .step = TEXT("opened"),
                                  .action = TEXT("open"), .after = ticket->state, .actor = ticket->owner,
                                  .handler = ticket->handler, .round = ticket->round, .at = desk->plan->now});
}

bool desk_open(struct desk *desk, struct plan *plan, const struct ticket_row *ticket, struct list people,
               struct list units)
{
    *desk = (struct desk){.plan = plan, .people = people, .units = units, .ticket = *ticket, .new = true};
    desk->ticket.policy = plan->policy_version;
    desk->ticket.round = 1;
    if (!find_flow(desk)) return false;
    const struct flow_state *state = start_state(desk->flow);
    desk->ticket.state = state->name;
    desk->ticket.priority = routing_priority(desk->policy, desk_case(desk));
    if (ticket->department.len == 0) desk->ticket.department = routing_department(desk->policy, desk_case(desk));
    give_first(desk, state);
    record_start(desk);
    say_started(desk);
    struct flow_at at = desk_at(desk);
    const struct flow_step *next = flow_automatic(desk->flow, &at, FLOW_ON_ENTRY);
    if (next != NULL) desk_step(desk, next, NULL, NULL, (struct list){0});
    desk_settle(desk, (text){NULL, 0});
    return !plan_refused(plan);
}
