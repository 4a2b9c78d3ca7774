#include "step.h"

#include "handover.h"
#include "codes.h"
#include "store.h"

static void keep_held(struct desk *desk)
{
    struct ticket_row *ticket = &desk->ticket;
    text entry, state, by, kept = {NULL, 0};
    struct arena *arena = desk->plan->arena;
    if (ticket->handler.len == 0) return;
    for (text rest = ticket->held; names_next(&rest, &entry);)
        if (desk_entry(entry, &state, &by) && !text_equal(state, ticket->state))
            kept = names_add(kept, entry, arena);
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

/* The form's values about the ticket itself. */
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
    ticket->flags = text_is(class, "emergency")
                        ? names_add(ticket->flags, class, desk->plan->arena)
                        : names_remove(ticket->flags, TEXT("emergency"), desk->plan->arena);
}

static void end_ticket(struct desk *desk, const struct flow_step *step)
{
    struct ticket_row *ticket = &desk->ticket;
    ticket->closed_at = desk->plan->now;
    if (ticket->queue.len > 0) hand_wake(desk);
    ticket->queue = (text){NULL, 0};
    if (!step->is_exit) return;
    char *exit = arena_copy(desk->plan->arena, ticket->state.at, ticket->state.len);
    for (size_t i = 0; i < ticket->state.len; i++)
        if (exit[i] >= 'A' && exit[i] <= 'Z') exit[i] = (char)(exit[i] - 'A' + 'a');
    ticket->exit = (text){exit, ticket->state.len};
}

/* A linked ticket of another kind goes on with the same contact, owner and receipt time. */
static void ask_for_linked(struct desk *desk, text kind)
{
    const struct ticket_row *from = &desk->ticket;
    struct ticket_row *new = ARENA_NEW(desk->plan->arena, struct ticket_row);
    *new = (struct ticket_row){
        .id = plan_new_id(desk->plan),
        .contact = from->contact,
        .kind = kind,
        .topic = from->topic,
        .channel = from->channel,
        .org_unit = from->org_unit,
        .project = from->project,
        .owner = from->owner,
        .received_at = from->received_at,
        .customer = from->customer,
        .label = from->label,
        .locale = from->locale,
        .important = from->important,
        .deferred = from->deferred,
        .reachable = from->reachable,
        .linked = from->id,
        .flags = from->important ? TEXT("important") : (text){NULL, 0},
    };
    desk->ticket.linked = new->id;
    desk->opens = new;
}

static void link_other(struct desk *desk, const struct flow_step *step, const struct form *form)
{
    int64_t other;
    text kind = step->opens;
    if (form != NULL && step->opens_field.len > 0) kind = form_get(form, step->opens_field);
    if (kind.len > 0)
        ask_for_linked(desk, kind);
    else if (form != NULL && step->links_field.len > 0 &&
             text_to_int(form_get(form, step->links_field), &other))
        desk->ticket.linked = other;
}

static void record_path(struct desk *desk, const struct flow_step *step, const struct form *form,
                        text actor)
{
    struct ticket_row *ticket = &desk->ticket;
    text before = ticket->state;
    for (size_t i = 0; i < step->to.n; i++) {
        struct move_row move = {.ticket = ticket->id,
                                .n = ++ticket->moves,
                                .step = step->id,
                                .action = step->action,
                                .before = before,
                                .after = step->to.at[i],
                                .actor = actor,
                                .handler = ticket->handler,
                                .round = ticket->round,
                                .at = desk->plan->now};
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

static void say_moved(struct desk *desk, const struct flow_step *step, const struct form *form,
                      text actor, text from)
{
    const struct ticket_row *ticket = &desk->ticket;
    const struct flow_state *state = flow_state(desk->flow, ticket->state);
    bool delivered = form != NULL && form_get(form, TEXT("delivery")).len > 0;
    struct ticket_moved moved = {
        .ticket = ticket->id,
        .kind = ticket->kind,
        .step = step->id,
        .action = step->action,
        .from = from,
        .to = ticket->state,
        .path = desk_list(step->to),
        .actor = actor,
        .owner = ticket->owner,
        .handler = ticket->handler,
        .department = ticket->department,
        .assignees = desk_list(names_split(ticket->assignees, desk->plan->arena)),
        .round = ticket->round,
        .priority = ticket->priority,
        .class = ticket->class,
        .org_unit = ticket->org_unit,
        .replied = actor.len > 0 && (delivered || has_word(step->stops, "SLA-03")),
        .acknowledged = actor.len > 0 && has_word(step->stops, "CMP-02"),
        .promised_at = promised_in(form),
        .terminal = state->end,
        .exit = ticket->exit,
        .linked = ticket->linked,
        .received_at = ticket->received_at,
        .flags = desk_list(names_split(ticket->flags, desk->plan->arena)),
        .waits = given_bool(state->waits),
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
    if (span.unit == SPAN_WORKING_HOURS)
        return (span.n * DAY_HOURS + WORKING_HOURS - 1) / WORKING_HOURS * HOUR_US;
    return span_natural(span);
}

/* The system takes a step of its own at the end of the state's time. */
static void set_alarm(struct desk *desk, bool was_set)
{
    struct ticket_row *ticket = &desk->ticket;
    struct flow_at at = desk_at(desk);
    const struct flow_step *step =
        ticket->closed_at != 0 ? NULL : flow_automatic(desk->flow, &at, FLOW_ON_DUE);
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
        hand_wait(desk, flow_state(desk->flow, ticket->state)->answers); /* at its new place */
}

static void move_on(struct desk *desk, const struct flow_step *step, const struct form *form,
                    text actor)
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
    if (flow_state(desk->flow, ticket->state)->end)
        end_ticket(desk, step);
    else
        hand_give(desk, step, form, actor);
    set_priority(desk);
    if (plan_refused(desk->plan)) return;
    link_other(desk, step, form);
    say_moved(desk, step, form, actor, from);
}

void step_record(struct desk *desk, const char *step, const char *action, text actor, text fields)
{
    struct ticket_row *ticket = &desk->ticket;
    plan_write(desk->plan, &move_insert,
               &(struct move_row){.ticket = ticket->id,
                                  .n = ++ticket->moves,
                                  .step = text_of(step),
                                  .action = text_of(action),
                                  .before = ticket->state,
                                  .after = ticket->state,
                                  .actor = actor,
                                  .handler = ticket->handler,
                                  .round = ticket->round,
                                  .at = desk->plan->now,
                                  .fields = fields});
}

void step_take(struct desk *desk, const struct flow_step *step, const struct form *form,
               const struct person_row *actor, struct list assignees)
{
    struct flow_at at = desk_at(desk);
    bool alarm_was_set = flow_automatic(desk->flow, &at, FLOW_ON_DUE) != NULL;
    if (assignees.n > 0) desk->ticket.assignees = names_join(assignees, desk->plan->arena);
    move_on(desk, step, form, actor == NULL ? (text){NULL, 0} : actor->staff);
    at = desk_at(desk);
    const struct flow_step *next = desk->ticket.closed_at != 0 || step->automatic == FLOW_ON_ENTRY
                                       ? NULL
                                       : flow_automatic(desk->flow, &at, FLOW_ON_ENTRY);
    if (next != NULL && !plan_refused(desk->plan)) move_on(desk, next, NULL, (text){NULL, 0});
    set_alarm(desk, alarm_was_set);
}
