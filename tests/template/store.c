#include "store.h"

const struct statement note_lock = {
    .kind = STATEMENT_LOCK,
    .row = &sample_note_row_shape,
    .by = "key",
    .whole = &sample_note_row_shape,
    .sql = "SELECT key, note, count FROM note WHERE key = ANY(:keys) ORDER BY key FOR UPDATE"};
const struct statement note_read = {.kind = STATEMENT_READ,
                                    .row = &sample_note_row_shape,
                                    .by = "key",
                                    .sql =
                                        "SELECT key, note, count FROM note WHERE key = ANY(:keys)"};
const struct statement note_put = {
    .kind = STATEMENT_WRITE,
    .row = &sample_note_row_shape,
    .sql = "INSERT INTO note (key, note, count) SELECT key, note, count FROM :rows"
           " ON CONFLICT (key) DO UPDATE SET note = excluded.note, count = excluded.count"};

const struct statement *const sample_store[] = {&note_lock, &note_read, &note_put};
const size_t sample_store_n = COUNT(sample_store);
