#include "handover.h"

#include "choose.h"
#include "codes.h"
#include "store.h"

/* --- who answers next --- */

void dispatch_wake(struct plan *plan)
{
    plan_say(plan, &dispatch_due_shape, &(struct dispatch_due){.queue = TEXT("all")});
}

static void dispatch_wish(struct plan *plan, const struct handler_wish *wish)
{
    plan_say(plan, &dispatch_due_shape,
             &(struct dispatch_due){
                 .queue = TEXT("all"), .wishes = {wish, 1}, .tickets = {&wish->ticket, 1}});
}

void hand_wake(struct desk *desk)
{
    if (!desk->woken) dispatch_wake(desk->plan);
    desk->woken = true;
}

/* The taker of a step that the next person must not have taken (ORG-70). */
static text barred_from(struct desk *desk)
{
    struct flow_at at = desk_at(desk);
    text barred = {NULL, 0}, entry, id, by;
    for (size_t i = 0; i < desk->flow->steps_n; i++) {
        const struct flow_step *step = &desk->flow->steps[i];
        if (step->any || step->not_same_as.n == 0 || !flow_possible(desk->flow, step, &at))
            continue;
        for (text rest = desk->ticket.took; names_next(&rest, &entry);) {
            if (!desk_entry(entry, &id, &by)) continue;
            for (size_t j = 0; j < step->not_same_as.n; j++)
                if (text_equal(step->not_same_as.at[j], id))
                    barred = names_add(barred, by, desk->plan->arena);
        }
    }
    return barred;
}

/* Written only when it is new: plans that write one row cannot share a round. */
static void keep_line(struct desk *desk, text queue, text line)
{
    for (size_t i = 0; i < desk->company.lines.n; i++) {
        const struct queue_line_row *known = &LIST(desk->company.lines, struct queue_line_row)[i];
        if (text_equal(known->queue, queue) && text_equal(known->line, line)) return;
    }
    plan_write(desk->plan, &queue_line_insert,
               &(struct queue_line_row){.queue = queue, .line = line});
}

void hand_wait(struct desk *desk, text role)
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
    keep_line(desk, rule->name, line);
    dispatch_wish(desk->plan, &(struct handler_wish){.ticket = ticket->id,
                                                     .wish = ticket->wish,
                                                     .queue = rule->name,
                                                     .line = line,
                                                     .priority = ticket->priority,
                                                     .arrived = ticket->received_at,
                                                     .barred = barred_from(desk)});
    desk->woken = true;
}

void hand_name(struct desk *desk, text handler, const char *how)
{
    struct ticket_row *ticket = &desk->ticket;
    if (ticket->queue.len > 0 && !desk->counted)
        hand_wake(desk); /* so that its place in the queue is cleared away */
    ticket->queue = (text){NULL, 0};
    ticket->handler = handler;
    desk->how = how;
    if (ticket->owner.len == 0 && desk->policy->first_handler_owns) ticket->owner = handler;
}

static bool may_answer(struct desk *desk, text staff, text role)
{
    const struct person_row *person = people_find(desk->company.people, staff);
    const struct routing_case *which = desk_case(desk);
    if (person == NULL || !routing_acts(desk->policy, which, person->roles, role)) return false;
    if (!routing_queue(desk->policy, which, role)->per_department || which->department.len == 0)
        return true;
    return text_equal(person->department, which->department) ||
           text_equal(person->unit, which->department);
}

/* The present handler goes on if the role allows it; else the queue decides. */
static void give_to_role(struct desk *desk, text role)
{
    text handler = desk->ticket.handler;
    if (handler.len > 0 && may_answer(desk, handler, role) &&
        !names_have(barred_from(desk), handler))
        return;
    hand_wait(desk, role);
}

static text held_before(struct desk *desk)
{
    text entry, state, by;
    for (text rest = desk->ticket.held; names_next(&rest, &entry);)
        if (desk_entry(entry, &state, &by) && text_equal(state, desk->ticket.state)) return by;
    return (text){NULL, 0};
}

static void give_named(struct desk *desk, text named, text role, const char *field)
{
    if (named.len == 0) {
        give_to_role(desk, role);
    } else if (!may_answer(desk, named, role)) {
        plan_refuse(desk->plan, field, "ORG-69", "%.*s is no active %.*s who could take the ticket",
                    TEXT_ARG(named), TEXT_ARG(role));
    } else if (names_have(barred_from(desk), named)) {
        plan_refuse(desk->plan, field, "ORG-70", "%.*s took part and must not decide about it",
                    TEXT_ARG(named));
    } else {
        hand_name(desk, named, "named");
    }
}

void hand_give(struct desk *desk, const struct flow_step *step, const struct form *form, text actor)
{
    struct flow_at at = desk_at(desk);
    text role = flow_handler_role(step, &at);
    text back = held_before(desk);
    bool by_owner = people_find(desk->company.people, desk->ticket.owner) != NULL;
    switch (step->handler) {
    case FLOW_KEEP: break;
    case FLOW_NOBODY: break;
    case FLOW_QUEUE:
        give_named(desk, form == NULL ? (text){NULL, 0} : form->handler, role, "handler");
        break;
    case FLOW_NAMED:
        give_named(desk, form == NULL ? (text){NULL, 0} : form_get(form, step->handler_field), role,
                   "handler");
        break;
    case FLOW_OWNER:
        if (by_owner)
            hand_name(desk, desk->ticket.owner, "owner");
        else
            give_to_role(desk, role);
        break;
    case FLOW_ACTOR:
        if (actor.len > 0) hand_name(desk, actor, "named");
        break;
    case FLOW_BACK:
        if (people_find(desk->company.people, back) != NULL)
            hand_name(desk, back, "named");
        else
            give_to_role(desk, role);
        break;
    }
}

/* --- settling --- */

static void count_load(struct desk *desk, text staff, int64_t change)
{
    plan_add(desk->plan, &staff_tally_add,
             &(struct staff_tally_row){staff, change, change < 0 ? desk->plan->now : 0});
    const struct person_row *person = people_find(desk->company.people, staff);
    /* Somebody without a limit was free all the time. */
    if (change < 0 && person != NULL && person_most(desk->policy, person).given) hand_wake(desk);
}

void hand_back(struct desk *desk, text staff)
{
    count_load(desk, staff, -1);
}

static void say_assigned(struct desk *desk, text actor)
{
    const struct ticket_row *ticket = &desk->ticket;
    plan_say(
        desk->plan, &ticket_assigned_shape,
        &(struct ticket_assigned){.ticket = ticket->id,
                                  .kind = ticket->kind,
                                  .state = ticket->state,
                                  .handler = ticket->handler,
                                  .before = desk->handler_before,
                                  .owner = ticket->owner,
                                  .how = text_of(desk->how),
                                  .actor = actor,
                                  .queue = desk->counted ? desk->queue_before : (text){NULL, 0},
                                  .org_unit = ticket->org_unit,
                                  .department = ticket->department,
                                  .priority = ticket->priority});
}

void hand_settle(struct desk *desk, text actor)
{
    const struct ticket_row *ticket = &desk->ticket;
    bool ended = ticket->closed_at != 0;
    bool changed = !text_equal(desk->handler_before, ticket->handler);
    if (desk->handler_before.len > 0 && (ended || changed))
        count_load(desk, desk->handler_before, -1);
    if (ticket->handler.len > 0 && changed && !ended) {
        if (!desk->counted) count_load(desk, ticket->handler, 1);
        say_assigned(desk, actor);
    }
    plan_write(desk->plan, desk->new ? &ticket_insert : &ticket_update, ticket);
}
