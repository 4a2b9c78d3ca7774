#include "import_rows.h"

#include "base/file.h"
#include "cli/import/csv.h"
#include "data/encoding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1 << 16, FILE_BYTES_MAX = 256 * MIB, HEADER_BYTES_MAX = 64 * KIB };

struct reading {
    const struct mapping *mapping;
    time_us until;
    struct arena *arena;
    struct import_rows *rows;
    struct problems *problems;
    size_t where[COLUMNS]; /* index of the column in the file */
    size_t columns;        /* of the header */
    struct known {
        text id;
        int64_t line;
        struct known *next;
    } * *known;
};

void problems_add(struct problems *problems, int64_t line, const struct err *err)
{
    if (problems->n == problems->room && problems->room < PROBLEMS_KEPT_MAX) {
        problems->room = problems->room * 2 + 16;
        problems->at = mem_resize(problems->at, problems->room * sizeof(*problems->at));
    }
    if (problems->n < problems->room) problems->at[problems->n] = (struct problem){line, *err};
    problems->n++;
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

/* --- the header --- */

static size_t find_column(const struct csv_row *row, text name, size_t from)
{
    while (from < row->n && !text_equal(row->fields[from], name)) from++;
    return from;
}

/* As much of it as a message holds. */
static text header_words(const struct csv_row *row, char words[200])
{
    size_t len = 0;
    for (size_t i = 0; i < row->n && len + 1 < 200; i++)
        len += text_format(words + len, 200 - len, "%s%.*s", i > 0 ? " | " : "",
                           TEXT_ARG(row->fields[i]));
    return (text){words, len};
}

static int take_header(void *ctx, const struct csv_row *row, struct err *err)
{
    struct reading *r = ctx;
    char words[200];
    r->columns = row->n;
    for (int c = 0; c < COLUMNS; c++) {
        text name = r->mapping->columns[c];
        size_t at = find_column(row, name, 0), again = find_column(row, name, at + 1);
        if (at == row->n)
            return err_set(err, "line %lld: there is no column %s; the %zu columns are: %.*s",
                           (long long)row->line, name.at, row->n,
                           TEXT_ARG(header_words(row, words)));
        if (again < row->n)
            return err_set(err, "line %lld: the column %s stands there twice (%zu and %zu)",
                           (long long)row->line, name.at, at + 1, again + 1);
        r->where[c] = at;
    }
    return 0;
}

struct look {
    const struct mapping *mapping;
    size_t found; /* columns of the mapping that the header has */
};

static int look_at_header(void *ctx, const struct csv_row *row, struct err *err)
{
    struct look *look = ctx;
    for (int c = 0; c < COLUMNS; c++)
        look->found += find_column(row, look->mapping->columns[c], 0) < row->n;
    return err_set(err, "seen");
}

static void look_at_nothing(void *ctx, const struct csv_row *row)
{
    (void)ctx, (void)row;
}

/* The separator with which the header has the most of the mapping's columns. */
static char find_separator(const struct mapping *mapping, text bytes)
{
    static const char separators[] = ",;\t|";
    text front = text_cut(bytes, HEADER_BYTES_MAX);
    char best = separators[0];
    size_t most = 0;
    for (const char *separator = separators; *separator != '\0'; separator++) {
        struct look look = {mapping, 0};
        struct err err;
        (void)!csv_read(front, *separator, look_at_header, look_at_nothing, &look, &err);
        if (look.found > most) best = *separator;
        if (look.found > most) most = look.found;
    }
    return best;
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

/* A copy with blanks for line ends and tabs: in a spreadsheet an address has several lines. */
static text one_line(struct arena *arena, text value)
{
    text line = arena_text(arena, value);
    for (size_t i = 0; i < line.len; i++)
        if (strchr("\r\n\t", line.at[i]) != NULL) ((char *)line.at)[i] = ' ';
    return line;
}

static int read_row(struct reading *r, const struct csv_row *row, struct import_row *out,
                    struct err *err)
{
    const struct mapping *mapping = r->mapping;
    *out = (struct import_row){.line = row->line};
    if (check_bytes(r, row, err) < 0) return -1;
    out->source_id = arena_text(r->arena, value_of(r, row, COLUMN_SOURCE_ID));
    out->words = arena_text(r->arena, value_of(r, row, COLUMN_WORDS));
    out->address = one_line(r->arena, value_of(r, row, COLUMN_ADDRESS));
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

/* A line without any value: blanks, or the separators alone. */
static bool is_empty(const struct csv_row *row, size_t from)
{
    while (from < row->n && row->fields[from].len == 0) from++;
    return from >= row->n;
}

/* A line that was cut off, or a separator in a field that is not quoted. */
static int check_count(const struct reading *r, const struct csv_row *row, struct err *err)
{
    if (row->n >= r->columns && is_empty(row, r->columns)) return 0;
    return err_field(err, NULL, "INT-02", "has %zu fields, the header has %zu columns", row->n,
                     r->columns);
}

static void take_row(void *ctx, const struct csv_row *row)
{
    struct reading *r = ctx;
    struct import_row out;
    struct err err = {0};
    if (is_empty(row, 0)) return;
    if (check_count(r, row, &err) < 0 || read_row(r, row, &out, &err) < 0) {
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

/* A damaged row of a UTF-8 file is a problem of its own; other encodings are all or nothing. */
static text read_text(const struct mapping *mapping, text bytes, struct arena *arena,
                      struct err *err)
{
    const char *name = mapping->encoding;
    size_t mark = encoding_mark(bytes);
    if (strcmp(name, "auto") == 0) name = encoding_of(bytes);
    if (strcmp(name, "auto") == 0 || strcmp(name, "utf-8") == 0)
        return (text){bytes.at + mark, bytes.len - mark};
    return encoding_read(bytes, name, arena, err);
}

static int read_rows(struct reading *r, text bytes, struct err *err)
{
    text content = read_text(r->mapping, bytes, r->arena, err);
    if (content.at == NULL) return -1;
    char separator = csv_take_separator(&content);
    if (separator == '\0') separator = r->mapping->separator;
    if (separator == '\0') separator = find_separator(r->mapping, content);
    if (csv_read(content, separator, take_header, take_row, r, err) < 0) return -1;
    if (r->columns > 0) return 0;
    return err_set(err, "is empty: a header line with the column %s and others is expected",
                   r->mapping->columns[0].at);
}

int import_rows_read(const char *file, const struct mapping *mapping, time_us until,
                     struct arena *arena, struct import_rows *rows, struct problems *problems,
                     struct err *err)
{
    struct reading r = {
        .mapping = mapping, .until = until, .arena = arena, .rows = rows, .problems = problems};
    struct arena *whole = arena_create(); /* what is kept of it is copied */
    text bytes = file_given(file, FILE_BYTES_MAX, whole, err);
    int bad = bytes.at == NULL ? -1 : 0;
    r.known = ARENA_ARRAY(arena, struct known *, BUCKETS);
    if (bad == 0 && (bad = read_rows(&r, bytes, err)) < 0) err_prefix(err, "%s", file);
    arena_destroy(whole);
    return bad;
}
