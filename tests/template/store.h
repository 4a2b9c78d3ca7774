/*
 * store: all SQL of sample.
 */
#ifndef KEFU_SAMPLE_STORE_H
#define KEFU_SAMPLE_STORE_H

#include "db/statement.h"
#include "sample_rows.msg.h"

extern const struct statement note_lock; /* the key's row, to be changed */
extern const struct statement note_read;
extern const struct statement note_put;

extern const struct statement *const sample_store[];
extern const size_t sample_store_n;

#endif
