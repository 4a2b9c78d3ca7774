/*
 * say: what workforce tells the others, with the rows that belong to it. The handlers of units,
 * staff and duty share it.
 */
#ifndef KEFU_WORKFORCE_SAY_H
#define KEFU_WORKFORCE_SAY_H

#include "organisation.h"
#include "runtime/api/plan.h"

#include "workforce_rows.msg.h"

/* Only operators and the gateway change the organisation; who may, among their users, is ORG-69's.
   False: the plan is refused. */
bool workforce_may_change(struct plan *plan);
void say_unit(struct plan *plan, const struct workforce_unit_row *row);
/* Others know a unit of the policy only once somebody refers to it: the unit and those above it
   that are not stored yet are stored and said. */
void say_units_above(struct plan *plan, const struct unit_tree *tree, text unit);
void say_staff(struct plan *plan, const struct unit_tree *tree,
               const struct workforce_staff_row *row);
void say_duty(struct plan *plan, text staff, bool on, text roster);
/* The present stint ends now: its row, unsaid. */
void say_stint_end(struct plan *plan, const struct workforce_duty_row *duty);
/* End the present stint, if the person is on duty, and say so. */
void say_duty_end(struct plan *plan, const struct workforce_duty_row *duty);

#endif
