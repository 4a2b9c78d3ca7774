/*
 * batch_promises: what a store promises of whole rows (statement.h), checked in test builds. After
 * the writes of each round its whole rows are loaded again, in the same transaction; if they are
 * not what memory holds of them, the process ends and says which. In a release there is nothing.
 */
#ifndef KEFU_BATCH_PROMISES_H
#define KEFU_BATCH_PROMISES_H

#include "runtime/batch/batch_state.h"

#ifdef KEFU_FAILPOINTS

/* Add to the trip, behind the round's writes. */
void batch_reread_whole(struct batch *batch);
/* The trip is back: compare, or die. */
void batch_check_promises(struct batch *batch);
/* The rows of one key in memory, and as loaded again. -1: they differ, and err says in what. */
MUST_CHECK int batch_compare_rows(const struct sql *sql, struct list memory, struct list loaded,
                                  struct err *err);

#else

static inline void batch_reread_whole(struct batch *batch)
{
    (void)batch;
}

static inline void batch_check_promises(struct batch *batch)
{
    (void)batch;
}

#endif
#endif
