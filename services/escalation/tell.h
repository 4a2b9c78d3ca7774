/*
 * tell: what has changed about a clock, as rows, events and the next alarm in a plan.
 */
#ifndef KEFU_ESCALATION_TELL_H
#define KEFU_ESCALATION_TELL_H

#include "clocks.h"
#include "runtime/api/plan.h"

/* `before` is NULL for a new clock. Of a clock that did not change nothing is said or written, and
   false is returned. */
bool tell_changes(struct plan *plan, const struct ticket_copy_row *ticket,
                  const struct clock_life *before, const struct clock_life *after);
/* Leave the alarm of a clock's next level, or take it back. */
void tell_wake(struct plan *plan, const struct clock_life *life);

#endif
