/*
 * escalation: the handlers, one for each message.
 */
#ifndef KEFU_ESCALATION_HANDLERS_H
#define KEFU_ESCALATION_HANDLERS_H

#include "runtime/api/service.h"

/* on_event.c */
void on_ticket_started(struct plan *plan, const void *message, const struct facts *facts);
void on_ticket_moved(struct plan *plan, const void *message, const struct facts *facts);
void on_ticket_assigned(struct plan *plan, const void *message, const struct facts *facts);
void on_reply_delivered(struct plan *plan, const void *message, const struct facts *facts);
void on_clock_due(struct plan *plan, const void *message, const struct facts *facts);

/* on_query.c */
void on_clock_list(struct plan *plan, const void *message, const struct facts *facts);
void on_clock_explain(struct plan *plan, const void *message, const struct facts *facts);
void on_clock_verdicts(struct plan *plan, const void *message, const struct facts *facts);

/* policy.c */
extern const struct policy_owner escalation_policy;

#endif
