/*
 * flow_loading: what is known while a bundle of flows is read (flow_load.c, flow_step.c,
 * flow_check.c).
 */
#ifndef KEFU_FLOW_LOADING_H
#define KEFU_FLOW_LOADING_H

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

#endif
