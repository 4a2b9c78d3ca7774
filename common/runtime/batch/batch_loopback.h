/*
 * batch_loopback: what a service says to itself, heard in the transaction that says it.
 */
#ifndef KEFU_BATCH_LOOPBACK_H
#define KEFU_BATCH_LOOPBACK_H

#include "runtime/batch/batch_state.h"

/* What has been said to be heard at once becomes messages of the next round (then what was counted
   so far is applied); true if there are any. */
bool batch_hear_own(struct batch *batch);

#endif
