/*
 * csv: the one door to libcsv: a file with a header line, row by row (RFC 4180).
 */
#ifndef KEFU_CLI_CSV_H
#define KEFU_CLI_CSV_H

#include "base/arena.h"
#include "base/err.h"

struct csv_row {
    int64_t line;       /* on which it begins; the header is on line 1 */
    const text *fields; /* blanks at both ends are cut off; empty ones are absent */
    size_t n;
};

/* Calls `header` once and `row` for each row that follows; their fields live in the arena. -1 with err if the bytes are not CSV
   or `header` says -1. */
MUST_CHECK int csv_read(text bytes, struct arena *arena,
                        int (*header)(void *ctx, const struct csv_row *row, struct err *err),
                        void (*row)(void *ctx, const struct csv_row *row), void *ctx,
                        struct err *err);

#endif
