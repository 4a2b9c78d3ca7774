/*
 * handlers: what routing does about each message it hears. One function per message; see main.c for
 * what each loads.
 */
#ifndef KEFU_ROUTING_HANDLERS_H
#define KEFU_ROUTING_HANDLERS_H

#include "runtime/api/plan.h"

/* on_opened.c */
void on_ticket_opened(struct plan *plan, const void *message, const struct facts *facts);
void on_note_added(struct plan *plan, const void *message, const struct facts *facts);
/* on_act.c */
void on_ticket_act(struct plan *plan, const void *message, const struct facts *facts);
void on_step_due(struct plan *plan, const void *message, const struct facts *facts);
void on_call_outcome(struct plan *plan, const void *message, const struct facts *facts);
/* on_assign.c */
void on_ticket_assign(struct plan *plan, const void *message, const struct facts *facts);
void on_assignment_made(struct plan *plan, const void *message, const struct facts *facts);
/* on_dispatch.c */
void on_dispatch_due(struct plan *plan, const void *message, const struct facts *facts);
/* Makes one of several. */
void dispatch_due_merge(struct arena *arena, void *last, const void *earlier);
/* on_staff.c */
void on_staff_changed(struct plan *plan, const void *message, const struct facts *facts);
void on_duty_changed(struct plan *plan, const void *message, const struct facts *facts);
void on_unit_changed(struct plan *plan, const void *message, const struct facts *facts);
/* on_query.c */
void on_ticket_get(struct plan *plan, const void *message, const struct facts *facts);
void on_ticket_list(struct plan *plan, const void *message, const struct facts *facts);
void on_staff_loads(struct plan *plan, const void *message, const struct facts *facts);

#endif
