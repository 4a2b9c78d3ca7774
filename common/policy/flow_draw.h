/*
 * flow_draw: a flow for people to look at.
 */
#ifndef KEFU_FLOW_DRAW_H
#define KEFU_FLOW_DRAW_H

#include "policy/flow.h"

/* Append the flow as a Mermaid stateDiagram-v2. Shared exits are one note, not a fan of arrows. */
void flow_mermaid(const struct flow *flow, struct buf *out);
/* Append one line per step: id, from, action, to, by, due. */
void flow_table(const struct flow *flow, struct buf *out);

#endif
