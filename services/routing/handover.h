/*
 * hand: into whose hands a ticket goes, and the loads that come of it.
 */
#ifndef KEFU_ROUTING_HANDOVER_H
#define KEFU_ROUTING_HANDOVER_H

#include "desk.h"

/* The handler of the state just entered by this step. form may be NULL. May refuse the plan. */
void hand_give(struct desk *desk, const struct flow_step *step, const struct form *form,
               text actor);
/* Wait for somebody with this role. */
void hand_wait(struct desk *desk, text role);
/* Name the handler outright. */
void hand_name(struct desk *desk, text handler, const char *how);
/* Write the row, count the loads, and say ticket.assigned if the handler changed. `actor` may be
   absent. */
void hand_settle(struct desk *desk, text actor);
/* Give back a load that dispatch counted for nothing. */
void hand_back(struct desk *desk, text staff);

/* Say dispatch.due; hand_wake() once for a desk. */
void dispatch_wake(struct plan *plan);
void hand_wake(struct desk *desk);

#endif
