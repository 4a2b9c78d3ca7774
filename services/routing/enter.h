/*
 * enter: a ticket enters its flow.
 */
#ifndef KEFU_ROUTING_ENTER_H
#define KEFU_ROUTING_ENTER_H

#include "desk.h"

/* State, priority, department and first handler are set here, all else of the row is given. Says
   ticket.started, and settles. False if the plan is refused. */
bool enter_open(struct desk *desk, struct plan *plan, const struct ticket_row *ticket,
                const struct company *company);
/* Open the linked ticket that a step of this desk asked for, if any. */
void enter_linked(struct desk *desk);

#endif
