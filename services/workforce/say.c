#include "say.h"

#include "store.h"
#include "workforce.msg.h"

enum { DEPTH_MAX = 32 };

bool workforce_may_change(struct plan *plan)
{
    if (text_is(plan->principal_role, "operator") || text_is(plan->principal_role, "gateway"))
        return true;
    plan_refuse(plan, NULL, "ORG-69", "this key may not change the organisation");
    return false;
}

void say_unit(struct plan *plan, const struct workforce_unit_row *row)
{
    plan_say(plan, &unit_changed_shape,
             &(struct unit_changed){row->unit, row->parent, row->type, row->name_zh, row->name_en});
}

void say_units_above(struct plan *plan, const struct unit_tree *tree, text unit)
{
    const struct workforce_unit_row *row = unit_find(tree, unit);
    for (int depth = 0; row != NULL && depth < DEPTH_MAX;
         depth++, row = unit_find(tree, row->parent)) {
        if (unit_is_stored(tree, row->unit)) continue;
        plan_write(plan, &unit_keep, row);
        say_unit(plan, row);
    }
}

void say_staff(struct plan *plan, const struct unit_tree *tree,
               const struct workforce_staff_row *row)
{
    struct staff_changed event = {.staff = row->staff,
                                  .name = row->name,
                                  .unit = row->unit,
                                  .department = unit_department(tree, row->unit),
                                  .roles = codes_split(row->roles, plan->arena),
                                  .skills = codes_split(row->skills, plan->arena),
                                  .superior = row->superior,
                                  .deputy = row->deputy,
                                  .email = row->email,
                                  .webhook = row->webhook,
                                  .locale = row->locale,
                                  .most_open = row->most_open,
                                  .active = row->active};
    plan_say(plan, &staff_changed_shape, &event);
}

void say_duty(struct plan *plan, text staff, bool on, text roster)
{
    plan_say(plan, &duty_changed_shape, &(struct duty_changed){staff, on, roster});
}

void say_stint_end(struct plan *plan, const struct workforce_duty_row *duty)
{
    plan_write(plan, &stint_end,
               &(struct workforce_stint_row){.staff = duty->staff,
                                             .began_at = duty->since,
                                             .ended_at = plan->now,
                                             .roster = duty->roster});
}

void say_duty_end(struct plan *plan, const struct workforce_duty_row *duty)
{
    if (!duty->on_duty) return;
    say_stint_end(plan, duty);
    plan_write(
        plan, &duty_write,
        &(struct workforce_duty_row){
            .staff = duty->staff, .on_duty = false, .roster = duty->roster, .since = plan->now});
    say_duty(plan, duty->staff, false, duty->roster);
}
