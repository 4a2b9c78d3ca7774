/* Own copies of what workforce says, so that nobody has to be asked who holds a role. */
#include "handlers.h"

#include "base/buf.h"
#include "store.h"
#include "workforce.msg.h"

static text join(struct list list, struct arena *arena)
{
    struct buf out = {0};
    for (size_t i = 0; i < list.n; i++) {
        if (i > 0) buf_add_char(&out, ',');
        buf_add_text(&out, LIST(list, text)[i]);
    }
    text joined = out.len == 0 ? TEXT("") : arena_text(arena, buf_text(&out));
    buf_finish(&out);
    return joined;
}

void on_staff_changed(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct staff_changed *m = message;
    (void)facts;
    plan_write(plan, &staff_write,
               &(struct staff_row){.staff = m->staff,
                                   .name = m->name,
                                   .unit = m->unit,
                                   .department = m->department,
                                   .roles = join(m->roles, plan->arena),
                                   .superior = m->superior,
                                   .deputy = m->deputy,
                                   .email = m->email,
                                   .webhook = m->webhook,
                                   .locale = m->locale,
                                   .active = m->active});
}

void on_duty_changed(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct duty_changed *m = message;
    (void)facts;
    plan_write(plan, &duty_write, &(struct duty_row){.staff = m->staff, .on_duty = m->on});
}

void on_unit_changed(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct unit_changed *m = message;
    (void)facts;
    plan_write(plan, &unit_write,
               &(struct unit_row){.unit = m->unit, .parent = m->parent, .type = m->type});
}
