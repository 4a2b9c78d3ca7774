/*
 * batch: one transaction, from BEGIN to the end of COMMIT.
 */
#ifndef KEFU_BATCH_H
#define KEFU_BATCH_H

#include "runtime/core/lane.h"

/* How it ended: `left` are the messages to run again; fenced: a partition has been lost
   meanwhile. */
typedef void batch_done_fn(struct lane *lane, const struct pg_trip *trip, struct queue *left,
                           bool fenced);
/* Run the messages; the lane's connection is idle. */
void batch_run(struct lane *lane, struct queue *take_messages, batch_done_fn *done);
void batch_destroy(struct batch *batch);

#endif
