/*
 * batch_decide: everything of a round is decided.
 */
#ifndef KEFU_BATCH_DECIDE_H
#define KEFU_BATCH_DECIDE_H

#include "runtime/batch/batch_state.h"

/* True if messages are left for later rounds. */
bool batch_decide_round(struct batch *batch);

#endif
