#include "handlers.h"

#include "enter.h"
#include "handover.h"
#include "step.h"
#include "store.h"

#include "notification.msg.h"

static void refuse(struct plan *plan, const struct err *err)
{
    plan_refuse(plan, err->field[0] == '\0' ? NULL : err->field,
                err->rule[0] == '\0' ? NULL : err->rule, "%s", err->message);
}

/* Anyone may raise the class of a repair; lowering it is the supervisor's (REP-11). */
static int class_rank(text class)
{
    return text_is(class, "emergency") ? 3
           : text_is(class, "normal")  ? 2
           : text_is(class, "project") ? 1
                                       : 0;
}

static bool may_set_class(struct desk *desk, const struct form *form,
                          const struct flow_actor *actor)
{
    text class = form_get(form, TEXT("class"));
    if (class.len == 0 || class_rank(class) >= class_rank(desk->ticket.class)) return true;
    for (size_t i = 0; i < actor->roles.n; i++)
        for (size_t j = 0; j < desk->policy->lower_roles.n; j++)
            if (text_equal(actor->roles.at[i], desk->policy->lower_roles.at[j])) return true;
    plan_refuse(desk->plan, "class", "REP-11", "only a supervisor lowers the class %.*s",
                TEXT_ARG(desk->ticket.class));
    return false;
}

/* The step that is meant, if it is possible here, this person may take it and the form is filled;
   else NULL, refused. */
static const struct flow_step *find_step(struct desk *desk, const struct ticket_act *m,
                                         const struct form *form, const struct person_row *person)
{
    struct err err = {0};
    struct flow_at at = desk_at(desk);
    struct flow_actor actor = desk_actor(desk, person);
    const struct flow_step *step = flow_find_step(desk->flow, &at, m->action, &err);
    if (step == NULL || flow_check_actor(step, &at, &actor, &err) < 0) {
        refuse(desk->plan, &err);
        return NULL;
    }
    switch (form_check(step, &at, form, &err)) {
    case FORM_BAD: refuse(desk->plan, &err); return NULL;
    case FORM_EARLY: plan_retry(desk->plan, "%s", err.message); return NULL;
    case FORM_GOOD: break;
    }
    return may_set_class(desk, form, &actor) ? step : NULL;
}

/* ORG-69: only people known and active act. */
static const struct person_row *find_actor(struct plan *plan, struct list people)
{
    text actor = plan->header->actor;
    const struct person_row *person = actor.len == 0 ? NULL : people_find(people, actor);
    if (actor.len == 0)
        plan_refuse(plan, "actor", "ORG-69", "a step needs an acting person");
    else if (person == NULL)
        plan_refuse(plan, "actor", "ORG-69", "%.*s is no active member of staff", TEXT_ARG(actor));
    return person;
}

static void answer(struct plan *plan, const struct desk *desk, const struct flow_step *step)
{
    const struct ticket_row *ticket = &desk->ticket;
    bool opened = step->opens.len > 0 || step->opens_field.len > 0;
    plan_answer(plan, &(struct ticket_acted){.ticket = ticket->id,
                                             .state = ticket->state,
                                             .handler = ticket->handler,
                                             .step = step->id,
                                             .linked = opened ? ticket->linked : 0});
}

/* A human step of a flow. */
void on_ticket_act(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_act *m = message;
    const struct ticket_row *ticket = facts_one(facts, &ticket_lock);
    struct company company = company_of(facts);
    struct desk desk;
    if (ticket == NULL) {
        desk_missing(plan, m->ticket);
        return;
    }
    const struct person_row *actor = find_actor(plan, company.people);
    if (actor == NULL || !desk_load(&desk, plan, ticket, &company)) return;
    struct form form = {.fields = m->fields,
                        .handler = m->handler,
                        .department = m->department,
                        .assignees = m->assignees,
                        .notes = facts_all(facts, &note_read),
                        .people = company.people,
                        .ticket = m->ticket,
                        .policy = desk.policy,
                        .which = desk_case(&desk)};
    const struct flow_step *step = find_step(&desk, m, &form, actor);
    if (step == NULL) return;
    step_take(&desk, step, &form, actor, m->assignees);
    hand_settle(&desk, actor->staff);
    enter_linked(&desk);
    answer(plan, &desk, step);
}

/* The time of the state is used up, and nobody took a step meanwhile: the system does. */
void on_step_due(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct step_due *m = message;
    const struct ticket_row *ticket = facts_one(facts, &ticket_lock);
    struct company company = company_of(facts);
    struct desk desk;
    if (ticket == NULL || ticket->closed_at != 0 || ticket->moves != m->moves) return;
    if (!desk_load(&desk, plan, ticket, &company)) return;
    struct flow_at at = desk_at(&desk);
    const struct flow_step *step = flow_automatic(desk.flow, &at, FLOW_ON_DUE);
    if (step == NULL) return;
    step_take(&desk, step, NULL, NULL, (struct list){0});
    hand_settle(&desk, (text){NULL, 0});
    enter_linked(&desk);
}

/* Unanswered calls count: some steps are possible only after several (OUT-03). */
void on_call_outcome(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct call_outcome *m = message;
    const struct ticket_row *ticket = facts_one(facts, &ticket_lock);
    if (ticket == NULL || ticket->closed_at != 0) return;
    struct ticket_row changed = *ticket;
    changed.attempts = text_is(m->outcome, "reached") ? 0 : changed.attempts + 1;
    plan_write(plan, &ticket_update, &changed);
}
