/*
 * workforce: the handlers, one for each message.
 */
#ifndef KEFU_WORKFORCE_HANDLERS_H
#define KEFU_WORKFORCE_HANDLERS_H

#include "runtime/api/service.h"

/* on_unit.c */
void on_unit_set(struct plan *plan, const void *message, const struct facts *facts);

/* on_staff.c */
void on_staff_set(struct plan *plan, const void *message, const struct facts *facts);
void on_staff_list(struct plan *plan, const void *message, const struct facts *facts);

/* on_duty.c */
void on_duty_set(struct plan *plan, const void *message, const struct facts *facts);

#endif
