#include "enter.h"

#include "handover.h"
#include "codes.h"
#include "step.h"
#include "store.h"

static const struct flow_state *start_state(const struct flow *flow)
{
    for (size_t i = 0; i < flow->states_n; i++)
        if (flow->states[i].start) return &flow->states[i];
    return NULL;
}

/* SLA-02: a recorder who solved the matter in the contact counts as its handler; otherwise the
   recorder is none. */
static void give_first(struct desk *desk, const struct flow_state *state)
{
    struct ticket_row *ticket = &desk->ticket;
    bool known = people_find(desk->company.people, ticket->owner) != NULL;
    if (ticket->answered && ticket->owner.len > 0)
        hand_name(desk, ticket->owner, "recorder");
    else if (state->opened == FLOW_OWNER && known)
        hand_name(desk, ticket->owner, "owner");
    else
        hand_wait(desk, state->answers);
}

static void say_started(struct desk *desk)
{
    const struct ticket_row *t = &desk->ticket;
    plan_say(
        desk->plan, &ticket_started_shape,
        &(struct ticket_started){.ticket = t->id,
                                 .contact = t->contact,
                                 .kind = t->kind,
                                 .topic = t->topic,
                                 .flow_version = t->policy,
                                 .state = t->state,
                                 .priority = t->priority,
                                 .class = t->class,
                                 .channel = t->channel,
                                 .org_unit = t->org_unit,
                                 .project = t->project,
                                 .department = t->department,
                                 .owner = t->owner,
                                 .handler = t->handler,
                                 .received_at = t->received_at,
                                 .promised_at = t->promised_at,
                                 .customer = t->customer,
                                 .label = t->label,
                                 .locale = t->locale,
                                 .important = t->important,
                                 .answered = t->answered,
                                 .deferred = t->deferred,
                                 .reachable = t->reachable,
                                 .repeat_of = t->repeat_of,
                                 .linked = t->linked,
                                 .flags = desk_list(names_split(t->flags, desk->plan->arena))});
}

static void record_start(struct desk *desk)
{
    struct ticket_row *ticket = &desk->ticket;
    plan_write(desk->plan, &move_insert,
               &(struct move_row){.ticket = ticket->id,
                                  .n = ++ticket->moves,
                                  .step = TEXT("opened"),
                                  .action = TEXT("open"),
                                  .after = ticket->state,
                                  .actor = ticket->owner,
                                  .handler = ticket->handler,
                                  .round = ticket->round,
                                  .at = desk->plan->now});
}

bool enter_open(struct desk *desk, struct plan *plan, const struct ticket_row *ticket,
                const struct company *company)
{
    *desk = (struct desk){.plan = plan, .company = *company, .ticket = *ticket, .new = true};
    desk->ticket.policy = plan->policy_version;
    desk->ticket.round = 1;
    if (!desk_find_flow(desk)) return false;
    const struct flow_state *state = start_state(desk->flow);
    desk->ticket.state = state->name;
    desk->ticket.priority = routing_priority(desk->policy, desk_case(desk));
    if (ticket->department.len == 0)
        desk->ticket.department = routing_department(desk->policy, desk_case(desk));
    give_first(desk, state);
    record_start(desk);
    say_started(desk);
    struct flow_at at = desk_at(desk);
    const struct flow_step *next = flow_automatic(desk->flow, &at, FLOW_ON_ENTRY);
    if (next != NULL) step_take(desk, next, NULL, NULL, (struct list){0});
    hand_settle(desk, (text){NULL, 0});
    enter_linked(desk);
    return !plan_refused(plan);
}

void enter_linked(struct desk *desk)
{
    struct desk other;
    if (desk->opens == NULL || plan_refused(desk->plan)) return;
    enter_open(&other, desk->plan, desk->opens, &desk->company);
    desk->opens = NULL;
}
