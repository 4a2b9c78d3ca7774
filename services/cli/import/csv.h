/*
 * csv: the one door to libcsv: a file with a header line, row by row (RFC 4180), with any separator
 * and any line ends. Rows and fields have limits.
 */
#ifndef KEFU_CLI_CSV_H
#define KEFU_CLI_CSV_H

#include "base/arena.h"
#include "base/err.h"

enum { CSV_FIELDS_MAX = 1024, CSV_ROWS_MAX = 1000000, CSV_ROW_BYTES_MAX = 1024 * 1024 };

struct csv_row {
    int64_t line;       /* on which it begins; the first line is line 1 */
    const text *fields; /* blanks at both ends are cut off; empty ones are absent */
    size_t n;
};

/* Calls `header` once and `row` for each row that follows; the fields live during the call. -1 with
   err if the bytes are not CSV, a limit is passed or `header` says -1. */
MUST_CHECK int csv_read(text bytes, char separator,
                        int (*header)(void *ctx, const struct csv_row *row, struct err *err),
                        void (*row)(void *ctx, const struct csv_row *row), void *ctx,
                        struct err *err);

/* The line "sep=;" that spreadsheets put before the header is taken off the bytes: its separator;
   '\0' if there is none. */
char csv_take_separator(text *bytes);

#endif
