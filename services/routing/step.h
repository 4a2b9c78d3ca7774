/*
 * step: taking a step of the ticket's flow.
 */
#ifndef KEFU_ROUTING_STEP_H
#define KEFU_ROUTING_STEP_H

#include "desk.h"

/* Take a step that was found possible and allowed, and what follows by itself. actor and form NULL:
   the system. Says ticket.moved; does not settle. The plan may be refused. */
void step_take(struct desk *desk, const struct flow_step *step, const struct form *form,
               const struct person_row *actor, struct list assignees);
/* Keep what was decided without a step of the flow. */
void step_record(struct desk *desk, const char *step, const char *action, text actor, text fields);

#endif
