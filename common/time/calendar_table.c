#include "time/calendar_table.h"

#include <inttypes.h>
#include <string.h>

#include "time/calendar.h"
#include "data/json.h"

enum { PAUSES_MAX = 1000 };

enum column { ID, OP, TZ, HOURS, HOLIDAYS, SPECIAL, PAUSES, START, SECONDS, END, COLUMNS };

static const struct {
    const char *name;
    bool needed;
} columns[COLUMNS] = {
    [ID] = {"id", true},
    [OP] = {"op", true},
    [TZ] = {"tz", true},
    [HOURS] = {"hours", true},
    [HOLIDAYS] = {"holidays", false},
    [SPECIAL] = {"special", false},
    [PAUSES] = {"pauses", false},
    [START] = {"start_utc", true},
    [SECONDS] = {"seconds", false},
    [END] = {"end_utc", false},
};

struct table {
    int place[COLUMNS];             /* in a line; -1 if the table lacks the column */
    text calendar_columns[COLUMNS]; /* what `calendar` was compiled from */
    struct calendar *calendar;      /* kept for the next row, which often has the same */
    struct arena *arena;            /* of one row */
    struct buf *out;
};

static text take_line(text *rest)
{
    text line = text_take(rest, '\n');
    if (line.len > 0 && line.at[line.len - 1] == '\r') line.len--;
    return line;
}

static int read_table_header(text line, struct table *table, struct err *err)
{
    for (int c = 0; c < COLUMNS; c++) table->place[c] = -1;
    for (int place = 0; line.len > 0; place++) {
        text name = text_take(&line, '\t');
        for (int c = 0; c < COLUMNS; c++)
            if (text_is(name, columns[c].name)) table->place[c] = place;
    }
    for (int c = 0; c < COLUMNS; c++)
        if (columns[c].needed && table->place[c] < 0)
            return err_field(err, columns[c].name, NULL, "the header line lacks this column");
    return 0;
}

static void split_row(const struct table *table, text line, text *row)
{
    for (int c = 0; c < COLUMNS; c++) row[c] = (text){0};
    for (int place = 0; line.len > 0; place++) {
        text value = text_take(&line, '\t');
        for (int c = 0; c < COLUMNS; c++)
            if (table->place[c] == place) row[c] = value;
    }
}

static int read_instant(const text *row, enum column column, time_us *t, struct err *err)
{
    if (!json_time(row[column], t))
        return err_field(err, columns[column].name, NULL,
                         "not an instant such as 2026-03-02T10:00:00Z: \"%.*s\"",
                         TEXT_ARG(row[column]));
    return 0;
}

static int read_seconds(const text *row, int64_t *work, struct err *err)
{
    int64_t seconds = 0;
    if (!text_to_int(row[SECONDS], &seconds) || seconds < 0)
        return err_field(err, columns[SECONDS].name, NULL, "not a number of seconds: \"%.*s\"",
                         TEXT_ARG(row[SECONDS]));
    bool fits = seconds <= CALENDAR_HORIZON / SECOND_US;
    *work = fits ? seconds * SECOND_US : CALENDAR_NEVER;
    return 0;
}

static int read_pause(text from, struct calendar_span *pause, struct err *err)
{
    text until = from;
    text begin = text_take(&until, '/');
    if (!json_time(begin, &pause->from) || !json_time(until, &pause->until) ||
        pause->until < pause->from)
        return err_field(err, columns[PAUSES].name, NULL, "not a pause startUTC/endUTC: \"%.*s\"",
                         TEXT_ARG(from));
    return 0;
}

static int read_pauses(text from, struct arena *arena, struct calendar_spans *pauses,
                       struct err *err)
{
    size_t room = 1;
    for (size_t i = 0; i < from.len; i++) room += from.at[i] == ';';
    if (room > PAUSES_MAX)
        return err_field(err, columns[PAUSES].name, NULL, "more than %d pauses", PAUSES_MAX);
    struct calendar_span *at = ARENA_ARRAY(arena, struct calendar_span, room);
    size_t n = 0;
    while (from.len > 0)
        if (read_pause(text_take(&from, ';'), &at[n++], err) < 0) return -1;
    *pauses = (struct calendar_spans){at, n};
    return 0;
}

/* Have the row's calendar in table->calendar. */
static int choose_calendar(struct table *table, const text *row, struct err *err)
{
    bool same = table->calendar != NULL;
    for (int c = TZ; c <= SPECIAL && same; c++)
        same = text_equal(table->calendar_columns[c], row[c]);
    if (same) return 0;
    calendar_destroy(table->calendar);
    table->calendar = NULL;
    struct calendar_rules *rules = calendar_rules_create();
    struct calendar_text from = {row[TZ], row[HOURS], row[HOLIDAYS], row[SPECIAL]};
    if (calendar_rules_read(rules, &from, err) < 0) {
        calendar_rules_destroy(rules);
        return -1;
    }
    struct err cause = {0};
    table->calendar = calendar_compile(rules, &cause);
    if (table->calendar == NULL) return err_field(err, columns[TZ].name, NULL, "%s", cause.message);
    memcpy(table->calendar_columns, row, sizeof(table->calendar_columns));
    return 0;
}

static void write_instant(struct table *table, text id, time_us t)
{
    buf_add_text(table->out, id);
    buf_add_char(table->out, '\t');
    if (t == CALENDAR_NEVER)
        buf_add_text(table->out, TEXT("never"));
    else
        json_add_time(table->out, t);
    buf_add_char(table->out, '\n');
}

static int answer_delta(struct table *table, const text *row, time_us start,
                        const struct calendar_spans *pauses, struct err *err)
{
    time_us end = 0;
    if (read_instant(row, END, &end, err) < 0) return -1;
    int64_t worked = calendar_worked(table->calendar, start, end, pauses);
    buf_printf(table->out, "%.*s\t%" PRId64 "\n", TEXT_ARG(row[ID]), worked / SECOND_US);
    return 0;
}

static int answer_shift(struct table *table, const text *row, time_us start,
                        const struct calendar_spans *pauses, struct err *err)
{
    int64_t work = 0;
    if (read_seconds(row, &work, err) < 0) return -1;
    bool add = text_is(row[OP], "add");
    write_instant(table, row[ID],
                  add ? calendar_add(table->calendar, start, work, pauses)
                      : calendar_sub(table->calendar, start, work, pauses));
    return 0;
}

static int answer_row(struct table *table, const text *row, struct err *err)
{
    struct calendar_spans pauses;
    time_us start = 0;
    bool delta = text_is(row[OP], "delta");
    if (!delta && !text_is(row[OP], "add") && !text_is(row[OP], "sub"))
        return err_field(err, columns[OP].name, NULL, "not add, sub or delta: \"%.*s\"",
                         TEXT_ARG(row[OP]));
    if (row[ID].len == 0) return err_field(err, columns[ID].name, NULL, "empty");
    if (read_pauses(row[PAUSES], table->arena, &pauses, err) < 0 ||
        read_instant(row, START, &start, err) < 0 || choose_calendar(table, row, err) < 0)
        return -1;
    return delta ? answer_delta(table, row, start, &pauses, err)
                 : answer_shift(table, row, start, &pauses, err);
}

static void report(struct buf *faults, const char *name, size_t line, const struct err *err)
{
    buf_printf(faults, "%s:%zu: %s: %s\n", name, line, err->field, err->message);
}

static size_t answer_rows(struct table *table, text rows, const char *name, struct buf *faults)
{
    struct err err = {0};
    size_t failed = 0;
    for (size_t line = 2; rows.len > 0; line++) {
        text bytes = take_line(&rows);
        text row[COLUMNS];
        split_row(table, bytes, row);
        arena_reset(table->arena);
        if (bytes.len > 0 && answer_row(table, row, &err) < 0) {
            report(faults, name, line, &err);
            failed++;
        }
    }
    return failed;
}

size_t calendar_table_answer(text table, const char *name, struct buf *out, struct buf *faults)
{
    struct table state = {.out = out};
    struct err err = {0};
    if (read_table_header(take_line(&table), &state, &err) < 0) {
        report(faults, name, 1, &err);
        return 1;
    }
    buf_add_text(out, TEXT("id\tresult\n"));
    state.arena = arena_create();
    size_t failed = answer_rows(&state, table, name, faults);
    calendar_destroy(state.calendar);
    arena_destroy(state.arena);
    return failed;
}
