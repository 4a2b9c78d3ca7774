#include "import_rows.h"

#include "csv.h"
#include "cli/world/run_file.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1 << 16 };

struct reading {
    const struct mapping *mapping;
    time_us until;
    struct arena *arena;
    struct import_rows *rows;
    struct problems *problems;
    size_t where[COLUMNS]; /* index of the column in the file */
    struct known {
        text id;
        int64_t line;
        struct known *next;
    } * *known;
};

void problems_add(struct problems *problems, int64_t line, const struct err *err)
{
    if (problems->n == problems->room) {
        problems->room = problems->room * 2 + 16;
        problems->at = mem_resize(problems->at, problems->room * sizeof(*problems->at));
    }
    problems->at[problems->n++] = (struct problem){line, *err};
}

void problems_finish(struct problems *problems)
{
    free(problems->at);
    *problems = (struct problems){0};
}

void import_rows_finish(struct import_rows *rows)
{
    free(rows->at);
    *rows = (struct import_rows){0};
}

static int take_header(void *ctx, const struct csv_row *row, struct err *err)
{
    struct reading *r = ctx;
    for (int c = 0; c < COLUMNS; c++) {
        size_t i = 0;
        while (i < row->n && !text_equal(row->fields[i], r->mapping->columns[c])) i++;
        if (i == row->n) return err_set(err, "there is no column %s", r->mapping->columns[c].at);
        r->where[c] = i;
    }
    return 0;
}

/* --- one row --- */

static text value_of(const struct reading *r, const struct csv_row *row, enum column column)
{
    return r->where[column] < row->n ? row->fields[r->where[column]] : (text){0};
}

static int fault(const struct reading *r, enum column column, struct err *err, const char *what,
                 text value)
{
    char shown[120];
    size_t n = 0;
    for (; n < value.len && n < sizeof(shown) - 1; n++)
        shown[n] = (unsigned char)value.at[n] < 128 ? value.at[n] : '?';
    shown[n] = '\0';
    return err_field(err, r->mapping->columns[column].at, "INT-02", "%s%s%s%s", what,
                     n > 0 ? ": '" : "", shown, n > 0 ? "'" : "");
}

static int read_code(const struct reading *r, const struct csv_row *row, enum column column,
                     struct pairs codes, text *out, struct err *err)
{
    text value = value_of(r, row, column);
    *out = pairs_get(codes, value);
    if (out->len > 0) return 0;
    return fault(r, column, err, value.len > 0 ? "is not in the mapping" : "is required", value);
}

static int read_time(const struct reading *r, const struct csv_row *row, enum column column,
                     bool required, time_us *out, struct err *err)
{
    text value = value_of(r, row, column);
    *out = 0;
    if (value.len == 0) return required ? fault(r, column, err, "is required", value) : 0;
    if (wall_read_american(r->mapping->zone, value, out)) return 0;
    return fault(r, column, err, "is not a time", value);
}

static int read_status(const struct reading *r, const struct csv_row *row, struct import_row *out,
                       struct err *err)
{
    text value = value_of(r, row, COLUMN_STATUS);
    time_us at = 0, closed = 0;
    out->status = mapping_status(r->mapping, value);
    if (out->status == NULL)
        return fault(r, COLUMN_STATUS, err, value.len > 0 ? "is not in the mapping" : "is required",
                     value);
    if (out->status->at == AT_STATUS && read_time(r, row, COLUMN_STATUS_AT, true, &at, err) < 0)
        return -1;
    if (out->status->at == AT_CLOSED && read_time(r, row, COLUMN_CLOSED, false, &closed, err) < 0)
        return -1;
    time_us moment = out->status->at == AT_STATUS ? at : closed;
    if (moment != 0) out->moment = moment > out->opened ? moment : out->opened;
    if (out->moment > r->until) out->moment = 0;
    return 0;
}

static int check_bytes(const struct reading *r, const struct csv_row *row, struct err *err)
{
    for (int c = 0; c < COLUMNS; c++) {
        text value = value_of(r, row, (enum column)c);
        if (!text_is_utf8(value)) return fault(r, (enum column)c, err, "is not UTF-8", value);
        if (value.len > 0 && memchr(value.at, '\0', value.len) != NULL)
            return fault(r, (enum column)c, err, "holds a zero byte", value);
    }
    return 0;
}

static int check_new(struct reading *r, const struct import_row *row, struct err *err)
{
    struct known **bucket = &r->known[text_hash(row->source_id) % BUCKETS];
    for (struct known *k = *bucket; k != NULL; k = k->next)
        if (text_equal(k->id, row->source_id))
            return err_field(err, r->mapping->columns[COLUMN_SOURCE_ID].at, "INT-02",
                             "stands in line %lld already", (long long)k->line);
    struct known *known = ARENA_NEW(r->arena, struct known);
    *known = (struct known){row->source_id, row->line, *bucket};
    *bucket = known;
    return 0;
}

static int read_row(struct reading *r, const struct csv_row *row, struct import_row *out,
                    struct err *err)
{
    const struct mapping *mapping = r->mapping;
    *out = (struct import_row){.line = row->line,
                               .source_id = value_of(r, row, COLUMN_SOURCE_ID),
                               .words = value_of(r, row, COLUMN_WORDS),
                               .address = value_of(r, row, COLUMN_ADDRESS)};
    if (check_bytes(r, row, err) < 0) return -1;
    if (out->source_id.len == 0)
        return fault(r, COLUMN_SOURCE_ID, err, "is required", out->source_id);
    if (read_code(r, row, COLUMN_CHANNEL, mapping->channels, &out->channel, err) < 0 ||
        read_code(r, row, COLUMN_DEPARTMENT, mapping->departments, &out->department, err) < 0 ||
        read_time(r, row, COLUMN_CREATED, true, &out->opened, err) < 0 ||
        read_time(r, row, COLUMN_PROMISED, false, &out->promised, err) < 0 ||
        read_status(r, row, out, err) < 0)
        return -1;
    out->topic = mapping_topic(mapping, value_of(r, row, COLUMN_TOPIC));
    return check_new(r, out, err);
}

static void take_row(void *ctx, const struct csv_row *row)
{
    struct reading *r = ctx;
    struct import_row out;
    struct err err = {0};
    if (row->n == 0 || (row->n == 1 && row->fields[0].len == 0)) return; /* an empty line */
    if (read_row(r, row, &out, &err) < 0) {
        problems_add(r->problems, row->line, &err);
        return;
    }
    if (out.opened > r->until) {
        r->rows->late++;
        return;
    }
    if (r->rows->n == r->rows->room) {
        r->rows->room = r->rows->room * 2 + 256;
        r->rows->at = mem_resize(r->rows->at, r->rows->room * sizeof(*r->rows->at));
    }
    r->rows->at[r->rows->n++] = out;
}

int import_rows_read(const char *file, const struct mapping *mapping, time_us until,
                     struct arena *arena, struct import_rows *rows, struct problems *problems,
                     struct err *err)
{
    struct reading r = {
        .mapping = mapping, .until = until, .arena = arena, .rows = rows, .problems = problems};
    text bytes = file_read(file, arena, err);
    if (bytes.at == NULL) return -1;
    r.known = ARENA_ARRAY(arena, struct known *, BUCKETS);
    if (csv_read(bytes, arena, take_header, take_row, &r, err) < 0)
        return err_prefix(err, "%s", file);
    return 0;
}
