#include "tell.h"

#include "escalation.msg.h"
#include "store.h"

#include <string.h>

static bool was_breached(const struct clock_life *life)
{
    return life != NULL && life->row.breached;
}

static void say_started(struct plan *plan, const struct ticket_copy_row *ticket,
                        const struct clock_row *row)
{
    plan_say(plan, &clock_started_shape,
             &(struct clock_started){
                 .ticket = row->ticket,
                 .clock = row->id,
                 .name = row->name,
                 .kind = row->kind,
                 .round = row->round,
                 .started_at = row->started_at,
                 .due_at = row->due_at,
                 .policy = row->policy,
                 .org_unit = ticket->org_unit,
                 .department = ticket->department,
             });
}

static void say_paused(struct plan *plan, const struct clock_life *before,
                       const struct clock_life *after)
{
    const struct clock_row *row = &after->row;
    bool paused = row->paused_at != 0;
    time_us at = row->paused_at;
    if (!paused && after->pauses_n > 0) at = after->pauses[after->pauses_n - 1].to_at;
    if (paused == (before != NULL && before->row.paused_at != 0)) return;
    plan_say(plan, &clock_paused_shape,
             &(struct clock_paused){
                 .ticket = row->ticket,
                 .clock = row->id,
                 .name = row->name,
                 .paused = paused,
                 .at = at,
                 .due_at = row->due_at,
             });
}

/* Paused time moves the due time as well; that is told with the pause. */
static void say_redated(struct plan *plan, const struct clock_life *before,
                        const struct clock_life *after)
{
    const struct clock_row *row = &after->row;
    bool same_pauses =
        before->row.paused_at == row->paused_at && before->pauses_n == after->pauses_n;
    if (!same_pauses || before->row.due_at == row->due_at) return;
    plan_say(plan, &clock_redated_shape,
             &(struct clock_redated){
                 .ticket = row->ticket,
                 .clock = row->id,
                 .name = row->name,
                 .kind = row->kind,
                 .was_due_at = before->row.due_at,
                 .due_at = row->due_at,
                 .at = plan->now,
                 .reason = TEXT("calendar_changed"),
             });
}

static void say_breached(struct plan *plan, const struct ticket_copy_row *ticket,
                         const struct clock_row *row)
{
    plan_say(plan, &clock_breached_shape,
             &(struct clock_breached){
                 .ticket = row->ticket,
                 .clock = row->id,
                 .name = row->name,
                 .kind = row->kind,
                 .round = row->round,
                 .due_at = row->due_at,
                 .org_unit = ticket->org_unit,
                 .department = ticket->department,
             });
}

static void say_withdrawn(struct plan *plan, const struct clock_row *row)
{
    plan_say(plan, &breach_withdrawn_shape,
             &(struct breach_withdrawn){
                 .ticket = row->ticket,
                 .clock = row->id,
                 .name = row->name,
                 .kind = row->kind,
                 .due_at = row->due_at,
                 .stopped_at = row->stopped_at != 0 ? row->stopped_at : row->paused_at,
             });
}

/* When a level was reached: when its share was used up, or at the start of a repeat complaint
   (SLA-40). */
static void say_level(struct plan *plan, const struct ticket_copy_row *ticket,
                      const struct clock_life *life, const struct ladder_level *level)
{
    const struct clock_row *row = &life->row;
    time_us at = clock_at_share(life, level->share);
    bool at_once = text_equal(level->name, life->rule->repeat_level) && ticket->repeated;
    plan_say(plan, &clock_level_shape,
             &(struct clock_level){
                 .ticket = row->ticket,
                 .clock = row->id,
                 .name = row->name,
                 .kind = row->kind,
                 .level = level->name,
                 .share = level->share,
                 .at = at_once ? row->started_at : at,
                 .due_at = row->due_at,
                 .breached = row->breached && level->share >= 100 && !at_once,
                 .roles = {level->roles.at, level->roles.n},
                 .handler = ticket->handler,
                 .owner = ticket->owner,
                 .department = ticket->department,
                 .org_unit = ticket->org_unit,
                 .class = ticket->class,
             });
}

static void say_levels(struct plan *plan, const struct ticket_copy_row *ticket,
                       const struct clock_life *before, const struct clock_life *after)
{
    int64_t fresh = after->row.levels & ~(before == NULL ? 0 : before->row.levels);
    for (size_t i = 0; after->rule != NULL && i < after->rule->ladder->n; i++) {
        if ((fresh >> i & 1) != 0) say_level(plan, ticket, after, &after->rule->ladder->at[i]);
    }
}

static void say_stopped(struct plan *plan, const struct ticket_copy_row *ticket,
                        const struct clock_row *row)
{
    plan_say(plan, &clock_stopped_shape,
             &(struct clock_stopped){
                 .ticket = row->ticket,
                 .clock = row->id,
                 .name = row->name,
                 .kind = row->kind,
                 .round = row->round,
                 .verdict = row->verdict,
                 .started_at = row->started_at,
                 .due_at = row->due_at,
                 .stopped_at = row->stopped_at,
                 .org_unit = ticket->org_unit,
                 .department = ticket->department,
             });
}

static void write_pauses(struct plan *plan, const struct clock_life *before,
                         const struct clock_life *after)
{
    size_t same = before == NULL ? 0 : before->pauses_n;
    for (size_t i = 0; i < after->pauses_n; i++) {
        if (i >= same || before->pauses[i].to_at != after->pauses[i].to_at) {
            plan_write(plan, &pause_write, &after->pauses[i]);
        }
    }
}

static bool changed(const struct clock_row *before, const struct clock_row *after)
{
    return before->levels != after->levels || before->breached != after->breached ||
           before->due_at != after->due_at || before->stopped_at != after->stopped_at ||
           before->paused_at != after->paused_at || !text_equal(before->state, after->state) ||
           !text_equal(before->verdict, after->verdict);
}

void tell_wake(struct plan *plan, const struct clock_life *life)
{
    time_us wake = clock_wake(life);
    if (wake == 0) {
        plan_cancel_id(plan, &clock_due_shape, life->row.id);
    } else {
        plan_wake(plan, &clock_due_shape, wake,
                  &(struct clock_due){.clock = life->row.id, .ticket = life->row.ticket});
    }
}

static void keep_clock(struct plan *plan, const struct clock_life *before,
                       const struct clock_life *after)
{
    const struct clock_row *row = &after->row;
    bool ended = text_is(row->state, "ended");
    assert(ended == (row->verdict.len > 0) && ended == (row->stopped_at != 0));
    assert(text_is(row->state, "paused") == (row->paused_at != 0));
    assert(row->allowed >= 0);
    plan_write(plan, before == NULL ? &clock_insert : &clock_update, row);
}

bool tell_changes(struct plan *plan, const struct ticket_copy_row *ticket,
                  const struct clock_life *before, const struct clock_life *after)
{
    if (before != NULL && !changed(&before->row, &after->row) &&
        before->pauses_n == after->pauses_n)
        return false;
    bool ended = !clock_running(after);
    bool same_end = before != NULL && before->row.stopped_at == after->row.stopped_at &&
                    text_equal(before->row.verdict, after->row.verdict);
    keep_clock(plan, before, after);
    write_pauses(plan, before, after);
    if (before == NULL) say_started(plan, ticket, &after->row);
    if (before != NULL) say_redated(plan, before, after);
    say_paused(plan, before, after);
    if (after->row.breached && !was_breached(before)) say_breached(plan, ticket, &after->row);
    say_levels(plan, ticket, before, after);
    if (was_breached(before) && !after->row.breached) say_withdrawn(plan, &after->row);
    if (ended && !same_end) say_stopped(plan, ticket, &after->row);
    if (!(before == NULL && ended)) tell_wake(plan, after);
    return true;
}
