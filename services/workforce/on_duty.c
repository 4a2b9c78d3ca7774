/* Duty: who has it now, and the stints that attendance is computed from. */
#include "handlers.h"

#include "say.h"
#include "store.h"
#include "workforce.msg.h"

/* From one roster to the other is a new stint. */
static void begin(struct plan *plan, const struct workforce_duty_row *old, text staff, text roster)
{
    if (old != NULL && old->on_duty && text_equal(old->roster, roster)) return;
    if (old != NULL && old->on_duty) say_stint_end(plan, old);
    plan_write(
        plan, &stint_begin,
        &(struct workforce_stint_row){.staff = staff, .began_at = plan->now, .roster = roster});
    plan_write(plan, &duty_write,
               &(struct workforce_duty_row){
                   .staff = staff, .on_duty = true, .roster = roster, .since = plan->now});
    say_duty(plan, staff, true, roster);
}

void on_duty_set(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct duty_set *m = message;
    const struct workforce_staff_row *person = facts_one(facts, &staff_lock);
    const struct workforce_duty_row *old = facts_one(facts, &duty_lock);
    text roster = m->roster.len > 0 ? m->roster : TEXT("day");
    if (!workforce_may_change(plan)) return;
    if (person == NULL)
        plan_refuse(plan, "staff", NULL, "staff %.*s is not known", TEXT_ARG(m->staff));
    else if (!person->active)
        plan_refuse(plan, "staff", NULL, "staff %.*s is gone", TEXT_ARG(m->staff));
    if (!text_is(roster, "day") && !text_is(roster, "emergency"))
        plan_refuse(plan, "roster", "REP-11", "roster is day or emergency");
    if (plan_refused(plan)) return;
    if (m->on)
        begin(plan, old, m->staff, roster);
    else if (old != NULL)
        say_duty_end(plan, old);
    plan_answer(plan, &(struct duty_stored){m->staff, m->on});
}
