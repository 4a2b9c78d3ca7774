#include "handlers.h"

#include "choose.h"
#include "desk.h"
#include "store.h"

/* "accept (department), refuse (department)": what can be done from here, and by whom. */
static text next_actions(struct desk *desk)
{
    struct flow_at at = desk_at(desk);
    struct arena *arena = desk->plan->arena;
    text all = {NULL, 0};
    for (size_t i = 0; i < desk->flow->steps_n; i++) {
        const struct flow_step *step = &desk->flow->steps[i];
        if (step->begins || step->automatic == FLOW_ON_ENTRY ||
            !flow_possible(desk->flow, step, &at))
            continue;
        text by = {NULL, 0};
        for (size_t j = 0; j < step->by.n; j++)
            if (!text_is(step->by.at[j], "system"))
                by = arena_printf(arena, "%.*s%s%.*s", TEXT_ARG(by), by.len > 0 ? "|" : "",
                                  TEXT_ARG(step->by.at[j]));
        all = arena_printf(arena, "%.*s%s%.*s (%.*s)", TEXT_ARG(all), all.len > 0 ? ", " : "",
                           TEXT_ARG(step->action), TEXT_ARG(by));
    }
    return all;
}

static struct list view_moves(struct list rows, struct arena *arena)
{
    struct move_view *views = ARENA_ARRAY(arena, struct move_view, rows.n);
    for (size_t i = 0; i < rows.n; i++) {
        const struct move_row *row = &LIST(rows, struct move_row)[i];
        views[i] = (struct move_view){.step = row->step,
                                      .from = row->before,
                                      .to = row->after,
                                      .actor = row->actor,
                                      .handler = row->handler,
                                      .at = row->at,
                                      .fields = row->fields};
    }
    return (struct list){views, rows.n};
}

void on_ticket_get(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct ticket_get *m = message;
    const struct ticket_row *t = facts_one(facts, &ticket_read);
    struct desk desk;
    if (t == NULL) {
        plan_refuse(plan, "ticket", NULL, "there is no ticket %lld", (long long)m->ticket);
        return;
    }
    if (!desk_load(&desk, plan, t, &(struct company){0})) return;
    plan_answer(plan, &(struct ticket_view){
                          .ticket = t->id,
                          .kind = t->kind,
                          .state = t->state,
                          .priority = t->priority,
                          .owner = t->owner,
                          .handler = t->handler,
                          .department = t->department,
                          .queue = t->queue,
                          .round = t->round,
                          .received_at = t->received_at,
                          .closed_at = t->closed_at,
                          .exit = t->exit,
                          .linked = t->linked,
                          .assignees = t->assignees,
                          .next = t->closed_at == 0 ? next_actions(&desk) : (text){NULL, 0},
                          .moves = view_moves(facts_all(facts, &move_read), plan->arena)});
}

void on_ticket_list(struct plan *plan, const void *message, const struct facts *facts)
{
    struct list rows = facts_all(facts, &ticket_page_read);
    struct ticket_line *lines = ARENA_ARRAY(plan->arena, struct ticket_line, rows.n);
    (void)message;
    for (size_t i = 0; i < rows.n; i++) {
        const struct ticket_row *t = &LIST(rows, struct ticket_row)[i];
        lines[i] = (struct ticket_line){.ticket = t->id,
                                        .kind = t->kind,
                                        .state = t->state,
                                        .priority = t->priority,
                                        .owner = t->owner,
                                        .handler = t->handler,
                                        .department = t->department,
                                        .round = t->round,
                                        .received_at = t->received_at};
    }
    plan_answer(plan, &(struct ticket_page){{lines, rows.n}});
}

void on_staff_loads(struct plan *plan, const void *message, const struct facts *facts)
{
    struct list people = facts_all(facts, &candidate_page_read);
    struct staff_load *loads = ARENA_ARRAY(plan->arena, struct staff_load, people.n);
    size_t n = 0;
    (void)message;
    for (size_t i = 0; i < people.n; i++) {
        const struct person_row *person = &LIST(people, struct person_row)[i];
        if (!person->active && person_open(person) == 0) continue;
        loads[n++] = (struct staff_load){.staff = person->staff,
                                         .on_duty = person->on_duty,
                                         .open = person_open(person),
                                         .most = person_most(plan->policy, person),
                                         .idle_since = person_idle_since(person)};
    }
    plan_answer(plan, &(struct staff_load_page){{loads, n}});
}
