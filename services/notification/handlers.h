/*
 * notification: the handlers, one for each message.
 */
#ifndef KEFU_NOTIFICATION_HANDLERS_H
#define KEFU_NOTIFICATION_HANDLERS_H

#include "runtime/api/service.h"

/* on_event.c: what makes messages */
void on_ticket_started(struct plan *plan, const void *message, const struct facts *facts);
void on_ticket_moved(struct plan *plan, const void *message, const struct facts *facts);
void on_ticket_assigned(struct plan *plan, const void *message, const struct facts *facts);
void on_ticket_queued(struct plan *plan, const void *message, const struct facts *facts);
void on_clock_level(struct plan *plan, const void *message, const struct facts *facts);
void on_breach_withdrawn(struct plan *plan, const void *message, const struct facts *facts);

/* on_staff.c: own copies of what workforce says */
void on_staff_changed(struct plan *plan, const void *message, const struct facts *facts);
void on_duty_changed(struct plan *plan, const void *message, const struct facts *facts);
void on_unit_changed(struct plan *plan, const void *message, const struct facts *facts);

/* on_reply.c, on_call.c, on_query.c: commands and queries */
void on_reply_send(struct plan *plan, const void *message, const struct facts *facts);
void on_call_plan(struct plan *plan, const void *message, const struct facts *facts);
void on_call_done(struct plan *plan, const void *message, const struct facts *facts);
void on_call_list(struct plan *plan, const void *message, const struct facts *facts);
void on_message_list(struct plan *plan, const void *message, const struct facts *facts);

/* on_delivery.c: sending */
void run_message_due(struct job *job, const void *message);
void on_delivery_done(struct plan *plan, const void *message, const struct facts *facts);

/* policy.c */
extern const struct policy_owner notification_policy;

#endif
