/*
 * flow_load: the flows of a bundle, compiled.
 */
#ifndef KEFU_FLOW_LOAD_H
#define KEFU_FLOW_LOAD_H

#include "policy/flow.h"

/* Compile every flows/NAME.yaml among the files with the shared flows/_words.yaml and
   flows/_exits.yaml. Refuses unreachable states, dead ends, steps without a role or a time node
   (ORG-21), unknown names, duplicate ids: NULL, err says file:line. The files may be freed
   afterwards. */
MUST_CHECK const struct flows *flow_load(const struct policy_files *files, struct arena *arena,
                                         struct err *err);

#endif
