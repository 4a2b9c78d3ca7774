#include "csv.h"

#include <csv.h>
#include <string.h>

enum { FIELDS_MOST = 256, CHUNK = 64 * 1024 };

struct reading {
    struct arena *arena;
    int (*header)(void *ctx, const struct csv_row *row, struct err *err);
    void (*row)(void *ctx, const struct csv_row *row);
    void *ctx;
    struct err *err;
    text fields[FIELDS_MOST];
    size_t n;
    int64_t line, begun; /* where we are; where the row began */
    bool seen_header, failed;
};

static text trim(text from)
{
    while (from.len > 0 && (from.at[0] == ' ' || from.at[0] == '\t')) from.at++, from.len--;
    while (from.len > 0 && (from.at[from.len - 1] == ' ' || from.at[from.len - 1] == '\t'))
        from.len--;
    return from.len > 0 ? from : (text){0};
}

static void take_field(void *bytes, size_t len, void *ctx)
{
    struct reading *reading = ctx;
    text field = trim((text){bytes, len});
    for (size_t i = 0; i < len; i++) reading->line += ((const char *)bytes)[i] == '\n';
    if (reading->n < FIELDS_MOST) reading->fields[reading->n] = arena_text(reading->arena, field);
    reading->n++;
}

/* Called at every line feed and carriage return outside quotes (CSV_REPALL_NL): empty lines are counted, not handed on. */
static void take_row(int end, void *ctx)
{
    struct reading *reading = ctx;
    if (reading->n > FIELDS_MOST) reading->n = FIELDS_MOST;
    struct csv_row row = {
        .line = reading->begun,
        .n = reading->n,
        .fields = arena_copy(reading->arena, reading->fields, sizeof(text) * (reading->n + 1))};
    if (row.n > 0 && !reading->failed) {
        if (reading->seen_header)
            reading->row(reading->ctx, &row);
        else if (reading->header(reading->ctx, &row, reading->err) < 0)
            reading->failed = true;
        reading->seen_header = true;
    }
    reading->n = 0;
    if (end == '\n') reading->line++;
    reading->begun = reading->line;
}

int csv_read(text bytes, struct arena *arena,
             int (*header)(void *ctx, const struct csv_row *row, struct err *err),
             void (*row)(void *ctx, const struct csv_row *row), void *ctx, struct err *err)
{
    struct csv_parser parser;
    struct reading reading = {.arena = arena,
                              .header = header,
                              .row = row,
                              .ctx = ctx,
                              .err = err,
                              .line = 1,
                              .begun = 1};
    int bad = 0;
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL | CSV_REPALL_NL) != 0)
        return err_set(err, "csv: no memory");
    for (size_t at = 0; at < bytes.len && bad == 0; at += CHUNK) {
        size_t n = bytes.len - at < CHUNK ? bytes.len - at : CHUNK;
        if (csv_parse(&parser, bytes.at + at, n, take_field, take_row, &reading) != n)
            bad = err_set(err, "line %lld: %s", (long long)reading.line,
                          csv_strerror(csv_error(&parser)));
    }
    if (bad == 0 && csv_fini(&parser, take_field, take_row, &reading) != 0)
        bad = err_set(err, "line %lld: a quotation mark is not closed", (long long)reading.line);
    csv_free(&parser);
    return bad < 0 || reading.failed ? -1 : 0;
}
