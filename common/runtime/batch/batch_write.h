/*
 * batch_write: the end of a transaction: alarms, replies, dead letters, journal, positions.
 */
#ifndef KEFU_BATCH_WRITE_H
#define KEFU_BATCH_WRITE_H

#include "runtime/batch/batch_state.h"

void batch_add_end(struct batch *batch);

#endif
