#include "handlers.h"

#include "handover.h"
#include "codes.h"
#include "store.h"

#include "workforce.msg.h"

/* Own copies of what workforce says, so that nobody has to be asked. Who changed may take what
   waits. */
void on_staff_changed(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct staff_changed *m = message;
    (void)facts;
    plan_write(plan, &staff_write,
               &(struct staff_row){.staff = m->staff,
                                   .name = m->name,
                                   .unit = m->unit,
                                   .department = m->department,
                                   .roles = names_join(m->roles, plan->arena),
                                   .skills = names_join(m->skills, plan->arena),
                                   .superior = m->superior,
                                   .deputy = m->deputy,
                                   .most_open = m->most_open,
                                   .active = m->active});
    plan_write(plan, &staff_load_insert, &(struct staff_load_row){.staff = m->staff});
    dispatch_wake(plan);
}

void on_duty_changed(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct duty_changed *m = message;
    (void)facts;
    plan_write(
        plan, &duty_write,
        &(struct duty_row){.staff = m->staff,
                           .on_duty = m->on,
                           .roster = m->roster,
                           .since = plan->header->time != 0 ? plan->header->time : plan->now});
    if (m->on) dispatch_wake(plan);
}

void on_unit_changed(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct unit_changed *m = message;
    (void)facts;
    plan_write(plan, &unit_write,
               &(struct unit_row){.unit = m->unit, .parent = m->parent, .type = m->type});
}
