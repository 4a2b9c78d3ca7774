#include "cli/import/csv.h"

#include <csv.h>
#include <stdlib.h>

enum { CHUNK = 64 * 1024 };

struct reading {
    struct arena *arena; /* of one row */
    int (*header)(void *ctx, const struct csv_row *row, struct err *err);
    void (*row)(void *ctx, const struct csv_row *row);
    void *ctx;
    struct err *err;
    text fields[CSV_FIELDS_MAX];
    size_t n, rows, chunks; /* fields of this row; rows so far; chunks since a row ended */
    int64_t line, begun;    /* where we are; where the row began */
    int last;               /* how the last line ended */
    bool seen_header, failed;
};

static text trim(text from)
{
    while (from.len > 0 && (from.at[0] == ' ' || from.at[0] == '\t')) from.at++, from.len--;
    while (from.len > 0 && (from.at[from.len - 1] == ' ' || from.at[from.len - 1] == '\t'))
        from.len--;
    return from.len > 0 ? from : (text){0};
}

static void count_lines(struct reading *reading, text field)
{
    for (size_t i = 0; i < field.len; i++)
        reading->line += field.at[i] == '\n' ||
                         (field.at[i] == '\r' && (i + 1 == field.len || field.at[i + 1] != '\n'));
}

static void take_field(void *bytes, size_t len, void *ctx)
{
    struct reading *reading = ctx;
    text field = {bytes, len};
    count_lines(reading, field);
    if (reading->n < CSV_FIELDS_MAX)
        reading->fields[reading->n] = arena_text(reading->arena, trim(field));
    reading->n++;
    reading->last = 0;
}

static void hand_on(struct reading *reading)
{
    struct csv_row row = {.line = reading->begun, .fields = reading->fields, .n = reading->n};
    if (row.n > CSV_FIELDS_MAX)
        reading->failed = err_set(reading->err, "line %lld: more than %d columns",
                                  (long long)row.line, CSV_FIELDS_MAX) < 0;
    else if (!reading->seen_header)
        reading->failed = reading->header(reading->ctx, &row, reading->err) < 0;
    else if (reading->rows++ == CSV_ROWS_MAX)
        reading->failed = err_set(reading->err, "line %lld: more than %d rows (divide the file)",
                                  (long long)row.line, CSV_ROWS_MAX) < 0;
    else
        reading->row(reading->ctx, &row);
    reading->seen_header = true;
}

/* Called at every line feed and carriage return outside quotes (CSV_REPALL_NL): empty lines are
   counted, not handed on, and the two of a CR LF are one line end. */
static void take_row(int end, void *ctx)
{
    struct reading *reading = ctx;
    if (reading->n > 0 && !reading->failed) hand_on(reading);
    arena_reset(reading->arena);
    reading->n = reading->chunks = 0;
    if (end == '\r' || (end == '\n' && reading->last != '\r')) reading->line++;
    reading->last = end == '\n' && reading->last == '\r' ? 0 : end;
    reading->begun = reading->line;
}

static int parse_chunks(struct csv_parser *parser, text bytes, struct reading *reading)
{
    for (size_t at = 0; at < bytes.len && !reading->failed; at += CHUNK) {
        size_t n = bytes.len - at < CHUNK ? bytes.len - at : CHUNK;
        if (csv_parse(parser, bytes.at + at, n, take_field, take_row, reading) != n)
            return err_set(reading->err,
                           "line %lld: a quotation mark stands inside a field (a field that holds "
                           "one is quoted, and the mark doubled)",
                           (long long)reading->line);
        if (++reading->chunks > CSV_ROW_BYTES_MAX / CHUNK)
            return err_set(reading->err,
                           "line %lld: the row that begins here is longer than %d KiB "
                           "(is a quotation mark not closed?)",
                           (long long)reading->begun, CSV_ROW_BYTES_MAX / 1024);
    }
    if (!reading->failed && csv_fini(parser, take_field, take_row, reading) != 0)
        return err_set(reading->err, "line %lld: a quotation mark is not closed",
                       (long long)reading->begun);
    return reading->failed ? -1 : 0;
}

int csv_read(text bytes, char separator,
             int (*header)(void *ctx, const struct csv_row *row, struct err *err),
             void (*row)(void *ctx, const struct csv_row *row), void *ctx, struct err *err)
{
    struct csv_parser parser;
    struct reading *reading = mem_alloc(sizeof(*reading));
    *reading = (struct reading){.arena = arena_create(),
                                .header = header,
                                .row = row,
                                .ctx = ctx,
                                .err = err,
                                .line = 1,
                                .begun = 1};
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL | CSV_REPALL_NL) != 0)
        fatal(NULL, "csv: no memory");
    csv_set_blk_size(&parser, CHUNK); /* a long field does not grow by a few bytes at a time */
    csv_set_delim(&parser, (unsigned char)separator);
    int bad = parse_chunks(&parser, bytes, reading);
    csv_free(&parser);
    arena_destroy(reading->arena);
    free(reading);
    return bad;
}

char csv_take_separator(text *bytes)
{
    text rest = *bytes;
    if (!text_starts(rest, "sep=") || rest.len < 6) return '\0';
    if (rest.at[5] != '\r' && rest.at[5] != '\n') return '\0';
    *bytes = (text){rest.at + 5, rest.len - 5}; /* its line end stays: lines are counted */
    return rest.at[4];
}
