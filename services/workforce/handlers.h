/*
 * workforce: the handlers, one for each message.
 */
#ifndef KEFU_WORKFORCE_H
#define KEFU_WORKFORCE_H

#include "organisation.h"
#include "runtime/api/service.h"

/* on_unit.c */
void on_unit_set(struct plan *plan, const void *message, const struct facts *facts);
/* Others know a unit of the policy only once somebody refers to it: store it and those above it that are not stored yet, and say so. */
void units_announce(struct plan *plan, const struct unit_tree *tree, text unit);

/* on_staff.c */
void on_staff_set(struct plan *plan, const void *message, const struct facts *facts);
void on_staff_list(struct plan *plan, const void *message, const struct facts *facts);
void staff_say(struct plan *plan, const struct unit_tree *tree,
               const struct workforce_staff_row *row);

/* on_duty.c */
void on_duty_set(struct plan *plan, const void *message, const struct facts *facts);
/* End the present stint, if the person is on duty, and say so. */
void duty_end(struct plan *plan, const struct workforce_duty_row *duty);

/* Only operators and the gateway change the organisation; who may, among their users, is ORG-69's. */
bool workforce_may_change(struct plan *plan);

#endif
