/*
 * batch_rows: the rows that plans write and count, as one statement for each table.
 */
#ifndef KEFU_BATCH_ROWS_H
#define KEFU_BATCH_ROWS_H

#include "runtime/batch/batch_state.h"

/* The rows of the round. */
void batch_add_writes(struct batch *batch);
/* Write the counters added since the last call. */
void batch_add_counters(struct batch *batch);
typedef int batch_order_fn(const struct shape *shape, const void *a, const void *b);
/* Equal ones keep their order. */
void batch_sort_stably(struct batch *batch, struct rows *rows, batch_order_fn *order,
                       const struct shape *shape);
/* Sort by the statement's key; of rows with equal keys the last stays, or the sum where it
   counts. */
void batch_sort_rows(struct batch *batch, struct rows *rows, const struct statement *statement);
/* Sorted and sent; without rows nothing is. */
void batch_send_rows(struct batch *batch, struct sql *sql, struct rows *rows);

#endif
