#include "handlers.h"

#include "handover.h"
#include "codes.h"
#include "step.h"
#include "store.h"

/* May this person override an assignment (RTE-11)? Those above a supervisor may do what a
   supervisor may. */
static bool may_assign(struct desk *desk, const struct person_row *person)
{
    struct yaml_texts allowed = desk->policy->assign_roles;
    for (size_t i = 0; i < allowed.n; i++)
        if (routing_acts(desk->policy, desk_case(desk), person->roles, allowed.at[i])) return true;
    return names_have(person->roles, TEXT("assistant_manager")) ||
           names_have(person->roles, TEXT("deputy_gm"));
}

static bool is_reason_code(text reason)
{
    for (size_t i = 0; i < reason.len; i++)
        if ((reason.at[i] < 'a' || reason.at[i] > 'z') && reason.at[i] != '_') return false;
    return reason.len > 0 && reason.len <= 40;
}

/* Check the assignment; false: refused. */
static bool check_assign(struct desk *desk, const struct ticket_assign *m)
{
    struct plan *plan = desk->plan;
    const struct person_row *actor = people_find(desk->company.people, plan->header->actor);
    if (actor == NULL)
        plan_refuse(plan, "actor", "ORG-69", "an assignment needs an acting member of staff");
    else if (!may_assign(desk, actor))
        plan_refuse(plan, "actor", "RTE-11", "%.*s may not assign tickets", TEXT_ARG(actor->staff));
    else if (people_find(desk->company.people, m->handler) == NULL)
        plan_refuse(plan, "handler", "SLA-02", "%.*s is no active member of staff",
                    TEXT_ARG(m->handler));
    else if (!is_reason_code(m->reason))
        plan_refuse(plan, "reason", "RTE-11", "reason must be a code of lower case letters and _");
    else if (desk->ticket.closed_at != 0)
        plan_refuse(plan, "ticket", "RTE-11", "ticket %lld has ended", (long long)m->ticket);
    return !plan_refused(plan);
}

/* The supervisor names the handler: possible at any time, and recorded. */
void on_ticket_assign(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_assign *m = message;
    const struct ticket_row *ticket = facts_one(facts, &ticket_lock);
    struct company company = company_of(facts);
    struct desk desk;
    if (ticket == NULL) {
        desk_missing(plan, m->ticket);
        return;
    }
    if (!desk_load(&desk, plan, ticket, &company)) return;
    if (!check_assign(&desk, m)) return;
    hand_name(&desk, m->handler, "manual");
    step_record(&desk, "RTE-11", "assign", plan->header->actor,
                arena_printf(plan->arena, "reason=%.*s", TEXT_ARG(m->reason)));
    hand_settle(&desk, plan->header->actor);
    plan_answer(plan, &(struct ticket_acted){.ticket = m->ticket,
                                             .state = ticket->state,
                                             .handler = m->handler,
                                             .step = TEXT("RTE-11")});
}

/* Dispatch gave it to somebody: the ticket takes the person, unless it has gone on meanwhile. */
void on_assignment_made(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct assignment_made *m = message;
    const struct ticket_row *ticket = facts_one(facts, &ticket_lock);
    struct company company = {.people = facts_all(facts, &person_read)};
    struct desk desk;
    assert(ticket != NULL);
    if (!desk_load(&desk, plan, ticket, &company)) return;
    if (ticket->queue.len == 0 || ticket->wish != m->wish) {
        hand_back(&desk, m->staff);
        return;
    }
    desk.counted = true;
    hand_name(&desk, m->staff, "queue");
    hand_settle(&desk, (text){NULL, 0});
}
