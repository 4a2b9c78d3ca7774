/*
 * flow_load: what flow_load.c, flow_step.c and flow_check.c share while a bundle is compiled.
 */
#ifndef KEFU_FLOW_LOAD_H
#define KEFU_FLOW_LOAD_H

#include "policy/flow.h"

struct flow_loading {
    struct arena *arena;
    struct yaml_reader reader;
    const struct yaml *words; /* flows/_words.yaml */
    const struct yaml *exits; /* flows/_exits.yaml */
    const struct yaml *top;   /* the flow being read */
    struct flow *flow;
    struct yaml_texts roles;
};

/* Read one step; `is_exit` for those of _exits.yaml. Time nodes that refer to other steps stay open. */
void flow_read_step(struct flow_loading *loading, const struct yaml *node, bool is_exit,
                    struct flow_step *step);
/* Close the time nodes: "as X", "default", and those of the states. */
void flow_resolve_due(struct flow_loading *loading);
/* ORG-21, names, reachability, dead ends. Faults go to loading->reader. */
void flow_check(struct flow_loading *loading);

#endif
