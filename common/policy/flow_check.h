/*
 * flow_check: whether a flow can be worked by: what is said in several places, and what follows
 * from all of it.
 */
#ifndef KEFU_FLOW_CHECK_H
#define KEFU_FLOW_CHECK_H

#include "policy/flow_loading.h"

/* Close the time nodes: "as X", "default", and those of the states. */
void flow_resolve_due(struct flow_loading *loading);
/* ORG-21, names, reachability, dead ends. Faults go to loading->reader. */
void flow_check(struct flow_loading *loading);

#endif
