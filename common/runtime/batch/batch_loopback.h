/*
 * batch_loopback: what a service says to itself, heard in the transaction that says it.
 */
#ifndef KEFU_BATCH_LOOPBACK_H
#define KEFU_BATCH_LOOPBACK_H

#include "runtime/batch/batch_state.h"

/* Events to be heard at once become messages of the next round (counters so far are applied then);
   true if there are any. */
bool batch_hear_own(struct batch *batch);

#endif
