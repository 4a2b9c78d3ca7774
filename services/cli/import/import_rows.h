/*
 * rows: the rows of an import file, read by a mapping. A row that will not do is a problem with its
 * line and field; the rest goes on.
 */
#ifndef KEFU_CLI_IMPORT_ROWS_H
#define KEFU_CLI_IMPORT_ROWS_H

#include "mapping.h"

struct import_row {
    int64_t line;
    text source_id, channel, department, topic, words, address;
    const struct status *status;
    time_us opened;
    time_us promised; /* 0: nothing */
    time_us moment;   /* when the path is walked or ended; 0: never */
    int64_t ticket;   /* 0: not opened yet */
};

struct problem {
    int64_t line;
    struct err err;
};

/* Only the first are kept, all are counted. */
enum { PROBLEMS_KEPT_MAX = 1000 };

struct problems {
    struct problem *at;
    size_t n, room;
};
void problems_add(struct problems *problems, int64_t line, const struct err *err);
void problems_finish(struct problems *problems);

struct import_rows {
    struct import_row *at;
    size_t n, room;
    size_t late; /* left out: opened after `until` */
};
void import_rows_finish(struct import_rows *rows);

/* Rows in the file's order. -1 with err if the file cannot be read at all or lacks a column. */
MUST_CHECK int import_rows_read(const char *file, const struct mapping *mapping, time_us until,
                                struct arena *arena, struct import_rows *rows,
                                struct problems *problems, struct err *err);

#endif
