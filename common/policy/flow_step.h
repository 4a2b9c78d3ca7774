/*
 * flow_step: one step of a flow, as YAML has it.
 */
#ifndef KEFU_FLOW_STEP_H
#define KEFU_FLOW_STEP_H

#include "policy/flow_loading.h"

/* Read one step; `is_exit` for those of _exits.yaml. Time nodes that refer to other steps stay
   open. */
void flow_read_step(struct flow_loading *loading, const struct yaml *node, bool is_exit,
                    struct flow_step *step);

#endif
