#include "time/calendar.h"
#include "test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "time/calendar_table.h"
#include "data/json.h"

#define OFFICE                                                                                     \
    "mon 09:00-12:00,13:00-18:00;tue 09:00-12:00,13:00-18:00;wed 09:00-12:00,13:00-18:00;"         \
    "thu 09:00-12:00,13:00-18:00;fri 09:00-12:00,13:00-18:00"

#define ALWAYS_OPEN                                                                                \
    "mon 00:00-24:00;tue 00:00-24:00;wed 00:00-24:00;thu 00:00-24:00;fri 00:00-24:00;sat "         \
    "00:00-24:00;sun 00:00-24:00"

static struct calendar *compile(const char *zone, const char *hours, const char *holidays,
                                const char *special)
{
    struct calendar_rules *rules = calendar_rules_create();
    struct calendar_text from = {text_of(zone), text_of(hours), text_of(holidays),
                                 text_of(special)};
    struct err err = {0};
    CHECK_ROW(calendar_rules_read(rules, &from, &err) == 0, "%s: %s", err.field, err.message);
    struct calendar *calendar = calendar_compile(rules, &err);
    CHECK_ROW(calendar != NULL, "%s", err.message);
    return calendar;
}

static time_us at(const char *iso)
{
    time_us t = 0;
    CHECK_ROW(json_time(text_of(iso), &t), "%s", iso);
    return t;
}

/* --- the tables of cases --- */

static bool read_all(const char *path, struct buf *into)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) return false;
    size_t n;
    do {
        n = fread(buf_reserve(into, 65536), 1, 65536, file);
        buf_grew(into, n);
    } while (n > 0);
    fclose(file);
    return true;
}

enum { OP = 2, SECONDS = 10, END = 11, DISPUTED = 14, COLUMNS = 16 };

/* Each answer line against its row; returns how many were compared. */
static size_t compare_answers(text rows, text answers)
{
    size_t n = 0;
    (void)text_take(&rows, '\n');
    CHECK_TEXT(text_take(&answers, '\n'), "id\tresult");
    while (rows.len > 0) {
        text row = text_take(&rows, '\n');
        text answer = text_take(&answers, '\n');
        text field[COLUMNS];
        for (int i = 0; i < COLUMNS; i++) field[i] = text_take(&row, '\t');
        text id = text_take(&answer, '\t');
        if (field[DISPUTED].len > 0) continue;
        text want = text_is(field[OP], "delta") ? field[SECONDS] : field[END];
        CHECK_ROW(text_equal(id, field[0]) && text_equal(answer, want), "%.*s: got %.*s, want %.*s",
                  TEXT_ARG(field[0]), TEXT_ARG(answer), TEXT_ARG(want));
        n++;
    }
    CHECK_INT((int64_t)answers.len, 0);
    return n;
}

static size_t check_table(const char *path)
{
    struct buf table = {0}, out = {0}, faults = {0};
    if (!read_all(path, &table)) test_skip(path);
    CHECK_INT((int64_t)calendar_table_answer(buf_text(&table), path, &out, &faults), 0);
    CHECK_TEXT(buf_text(&faults), "");
    size_t n = compare_answers(buf_text(&table), buf_text(&out));
    buf_finish(&table);
    buf_finish(&out);
    buf_finish(&faults);
    return n;
}

TEST(every_row_of_our_own_table)
{
    CHECK_INT((int64_t)check_table("tests/unit/data/business-time.tsv"), 2026);
}

/* The full table, with rows that may not be copied, lies beside the repository where it is at hand.
   */
TEST(every_undisputed_row_of_the_full_table)
{
    const char *path = getenv("KEFU_BUSINESS_TIME");
    CHECK(check_table(path != NULL ? path : "../shared/data/business-time.tsv") >= 2026);
}

TEST(faults_name_line_and_column)
{
#define HEAD "id\top\ttz\thours\tpauses\tstart_utc\tseconds\tend_utc\n"
    static const struct {
        const char *table;
        const char *fault;
    } rows[] = {
        {"id\top\ttz\thours\n", "t:1: start_utc: the header line lacks this column\n"},
        {"", "t:1: id: the header line lacks this column\n"},
        {HEAD "a\tmul\tUTC\t\t\t2026-03-02T10:00:00Z\t1\t\n",
         "t:2: op: not add, sub or delta: \"mul\"\n"},
        {HEAD "\tadd\tUTC\t\t\t2026-03-02T10:00:00Z\t1\t\n", "t:2: id: empty\n"},
        {HEAD "a\tadd\tMars/X\t\t\t2026-03-02T10:00:00Z\t1\t\n",
         "t:2: tz: no such time zone: \"Mars/X\"\n"},
        {HEAD "a\tadd\tUTC\tmon 9-18\t\t2026-03-02T10:00:00Z\t1\t\n",
         "t:2: hours: mon: not hours such as 09:00-18:00: \"9-18\"\n"},
        {HEAD "a\tadd\tUTC\tmon 09:00-18:00;mon -\t\t2026-03-02T10:00:00Z\t1\t\n",
         "t:2: hours: mon is named twice\n"},
        {HEAD "a\tadd\tUTC\t\tx/y\t2026-03-02T10:00:00Z\t1\t\n",
         "t:2: pauses: not a pause startUTC/endUTC: \"x/y\"\n"},
        {HEAD "a\tadd\tUTC\t\t\tnoon\t1\t\n",
         "t:2: start_utc: not an instant such as 2026-03-02T10:00:00Z: \"noon\"\n"},
        {HEAD "a\tadd\tUTC\t\t\t2026-03-02T10:00:00Z\t-1\t\n",
         "t:2: seconds: not a number of seconds: \"-1\"\n"},
        {HEAD "a\tadd\tUTC\t\t\t2026-03-02T10:00:00Z\n",
         "t:2: seconds: not a number of seconds: \"\"\n"},
        {HEAD "\na\tdelta\tUTC\t\t\t2026-03-02T10:00:00Z\t\t-\n",
         "t:3: end_utc: not an instant such as 2026-03-02T10:00:00Z: \"-\"\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out = {0}, faults = {0};
        test_row(rows[i].fault);
        CHECK_INT((int64_t)calendar_table_answer(text_of(rows[i].table), "t", &out, &faults), 1);
        CHECK_TEXT(buf_text(&faults), rows[i].fault);
        buf_finish(&out);
        buf_finish(&faults);
    }
}

TEST(bad_rules_name_their_column)
{
    static const struct {
        const char *zone, *hours, *holidays, *special, *field;
    } rows[] = {
        {"../x", "", "", "", "tz"},
        {"UTC", "moon 09:00-10:00", "", "", "hours"},
        {"UTC", "mon 24:00-25:00", "", "", "hours"},
        {"UTC", "mon 24:00-08:00", "", "", "hours"},
        {"UTC", "mon 09:00-18:60", "", "", "hours"},
        {"UTC", "mon 09:00-18:-0", "", "", "hours"},
        {"UTC", "mon 09:00", "", "", "hours"},
        {"UTC",
         "mon 00:00-01:00,02:00-03:00,04:00-05:00,06:00-07:00,08:00-09:00,10:00-11:00,12:00-13:00,"
         "14:00-15:00,16:00-17:00,18:00-19:00,20:00-21:00,22:00-22:10,23:00-23:10",
         "", "", "hours"},
        {"UTC", "", "2026-02-30", "", "holidays"},
        {"UTC", "", "2026-02-20;;2026-02-21", "", "holidays"},
        {"UTC", "", "", "2026-02-20", "special"},
        {"UTC", "", "", "2026-02-20=x", "special"},
        {"UTC", "", "", "2026-02-20=-;2026-02-20=09:00-10:00", "special"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct calendar_rules *rules = calendar_rules_create();
        struct calendar_text from = {text_of(rows[i].zone), text_of(rows[i].hours),
                                     text_of(rows[i].holidays), text_of(rows[i].special)};
        struct err err = {0};
        bool special_absent =
            strcmp(rows[i].special, "2026-02-20") == 0; /* closed: hours left out are no fault */
        CHECK_ROW((calendar_rules_read(rules, &from, &err) < 0) != special_absent,
                  "row %zu was read", i);
        if (!special_absent) CHECK_STRING(err.field, rows[i].field);
        calendar_rules_destroy(rules);
    }
}

/* --- properties --- */

static uint64_t state = 20261122;

static int64_t draw(int64_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)(state >> 16) % below;
}

static struct calendar *draw_calendar(void)
{
    static const char *const zones[] = {
        "Europe/Berlin",    "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Shanghai",
        "America/New_York", "Africa/Casablanca", "Asia/Tehran",         "UTC"};
    static const char *const hours[] = {
        OFFICE,
        "sun 00:00-02:30;sat 22:00-06:00;wed 01:15-03:45,23:30-00:15",
        ALWAYS_OPEN,
        "sun 02:15-02:45;fri 20:00-08:00;sat 20:00-08:00",
    };
    return compile(zones[draw(COUNT(zones))], hours[draw(COUNT(hours))],
                   "2024-03-31;2024-10-27;2025-01-01", "2025-03-30=01:30-02:30;2024-02-29=-");
}

/* Up to four, some of them overlapping or touching, around the instant. */
static struct calendar_spans draw_pauses(struct calendar_span *pauses, time_us around)
{
    size_t n = (size_t)draw(5);
    for (size_t i = 0; i < n; i++) {
        pauses[i].from = around + (draw(40 * 24 * 60) - 20 * 24 * 60) * MINUTE_US;
        pauses[i].until = pauses[i].from + draw(3 * 24 * 60) * MINUTE_US;
    }
    return (struct calendar_spans){pauses, n};
}

static void check_case(struct calendar *calendar, time_us t, int64_t work,
                       const struct calendar_spans *pauses)
{
    time_us due = calendar_add(calendar, t, work, pauses);
    time_us begun = calendar_sub(calendar, t, work, pauses);
    if (CHECK(due != CALENDAR_NEVER)) {
        CHECK_INT(calendar_worked(calendar, t, due, pauses), work);
        CHECK(due == t ||
              calendar_worked(calendar, t, due - 1, pauses) == work - 1); /* the earliest */
        CHECK_INT(calendar_worked(calendar, due, t, pauses), -work);
    }
    if (CHECK(begun != CALENDAR_NEVER)) {
        CHECK_INT(calendar_worked(calendar, begun, t, pauses), work);
        CHECK(begun == t ||
              calendar_worked(calendar, begun + 1, t, pauses) == work - 1); /* the latest */
    }
}

static void check_story(struct calendar *calendar, time_us from, time_us until,
                        const struct calendar_spans *pauses)
{
    struct arena *arena = arena_create();
    struct calendar_spans story = calendar_explain(calendar, from, until, pauses, arena);
    int64_t sum = 0;
    for (size_t i = 0; i < story.n; i++) {
        CHECK(story.at[i].from >= (i > 0 ? story.at[i - 1].until + 1 : from));
        CHECK(story.at[i].from < story.at[i].until && story.at[i].until <= until);
        CHECK_INT(calendar_worked(calendar, story.at[i].from, story.at[i].until, pauses),
                  story.at[i].until - story.at[i].from);
        sum += story.at[i].until - story.at[i].from;
    }
    CHECK_INT(sum, calendar_worked(calendar, from, until, pauses));
    arena_destroy(arena);
}

TEST(add_sub_worked_and_explain_agree)
{
    test_limit(60);
    for (int c = 0; c < 60; c++) {
        struct calendar *calendar = draw_calendar();
        for (int i = 0; i < 25; i++) {
            time_us t = at("2024-01-01T00:00:00Z") + draw(900 * DAY_US / SECOND_US) * SECOND_US +
                        draw(2) * draw(SECOND_US);
            struct calendar_span room[4];
            struct calendar_spans pauses = draw_pauses(room, t);
            int64_t work =
                draw(2) > 0 ? draw(40 * 3600) * SECOND_US : draw(40) * HOUR_US / 4 + draw(3);
            check_case(calendar, t, work, &pauses);
            check_story(calendar, t, t + draw(30) * DAY_US, &pauses);
        }
        calendar_destroy(calendar);
    }
}

/* --- single cases --- */

TEST(a_deadline_explains_itself)
{
    struct calendar *calendar =
        compile("Asia/Shanghai", OFFICE, "2026-02-16;2026-02-17", "2026-02-14=09:00-12:00");
    struct calendar_span lunch = {at("2026-02-18T02:00:00Z"), at("2026-02-18T02:30:00Z")};
    struct calendar_spans pauses = {&lunch, 1};
    time_us start = at("2026-02-13T09:00:00Z"); /* Friday 17:00 */
    time_us due = calendar_add(calendar, start, 5 * HOUR_US, &pauses);
    CHECK_INT(due, at("2026-02-18T02:30:00Z") - 30 * MINUTE_US);
    due = calendar_add(calendar, start, 5 * HOUR_US + MINUTE_US, &pauses);
    struct arena *arena = arena_create();
    struct calendar_spans story = calendar_explain(calendar, start, due, &pauses, arena);
    static const char *const want[][2] = {
        {"2026-02-13T09:00:00Z", "2026-02-13T10:00:00Z"}, /* the rest of Friday */
        {"2026-02-14T01:00:00Z", "2026-02-14T04:00:00Z"}, /* a make-up half day */
        {"2026-02-18T01:00:00Z", "2026-02-18T02:00:00Z"}, /* after the holidays, to the pause */
        {"2026-02-18T02:30:00Z", "2026-02-18T02:31:00Z"},
    };
    CHECK_INT((int64_t)story.n, COUNT(want));
    for (size_t i = 0; i < story.n && i < COUNT(want); i++) {
        CHECK_INT(story.at[i].from, at(want[i][0]));
        CHECK_INT(story.at[i].until, at(want[i][1]));
    }
    arena_destroy(arena);
    calendar_destroy(calendar);
}

TEST(natural_time_counts_every_instant)
{
    struct calendar *calendar = calendar_always();
    struct calendar_span pause = {at("2026-03-02T10:00:00Z"), at("2026-03-02T11:00:00Z")};
    struct calendar_spans pauses = {&pause, 1};
    time_us t = at("2026-03-01T10:30:00Z");
    CHECK_INT(calendar_add(calendar, t, DAY_US, NULL), t + DAY_US);
    CHECK_INT(calendar_add(calendar, t, DAY_US, &pauses), t + DAY_US + HOUR_US);
    CHECK_INT(calendar_sub(calendar, t + DAY_US, HOUR_US, &pauses), pause.from - HOUR_US);
    CHECK_INT(calendar_worked(calendar, t, t + 2 * DAY_US, &pauses), 2 * DAY_US - HOUR_US);
    calendar_destroy(calendar);
}

TEST(never_is_ten_years_away)
{
    struct calendar *calendar = calendar_always();
    time_us t = at("2026-03-01T10:30:00Z");
    struct calendar_span open = {t + HOUR_US, CALENDAR_NEVER};
    struct calendar_spans pauses = {&open, 1};
    CHECK_INT(calendar_add(calendar, t, CALENDAR_HORIZON, NULL), t + CALENDAR_HORIZON);
    CHECK(calendar_add(calendar, t, CALENDAR_HORIZON + 1, NULL) == CALENDAR_NEVER);
    CHECK_INT(calendar_sub(calendar, t, CALENDAR_HORIZON, NULL), t - CALENDAR_HORIZON);
    CHECK(calendar_sub(calendar, t, CALENDAR_HORIZON + 1, NULL) == CALENDAR_NEVER);
    CHECK_INT(calendar_add(calendar, t, HOUR_US, &pauses), t + HOUR_US);
    CHECK(calendar_add(calendar, t, HOUR_US + 1, &pauses) == CALENDAR_NEVER);
    CHECK_INT(calendar_worked(calendar, t, t + 5 * DAY_US, &pauses), HOUR_US);
    calendar_destroy(calendar);
    calendar = compile("UTC", "", "", "2036-03-07=00:00-24:00;2036-03-08=00:00-24:00");
    t = at("2026-03-01T00:00:00Z"); /* 3,660 days later is 2036-03-08T00:00 */
    CHECK_INT(calendar_add(calendar, t, DAY_US, NULL), at("2036-03-08T00:00:00Z"));
    CHECK(calendar_add(calendar, t, DAY_US + 1, NULL) == CALENDAR_NEVER);
    calendar_destroy(calendar);
}

TEST(instants_outside_the_counted_centuries_do_no_harm)
{
    static const time_us far[] = {INT64_MIN, INT64_MIN + 1, 0, INT64_MAX - 1, INT64_MAX};
    struct calendar *calendar = compile("Europe/Berlin", OFFICE, "", "");
    for (size_t i = 0; i < COUNT(far); i++) {
        for (size_t j = 0; j < COUNT(far); j++)
            CHECK_INT(calendar_worked(calendar, far[i], far[j], NULL),
                      -calendar_worked(calendar, far[j], far[i], NULL));
        CHECK(calendar_add(calendar, far[i], HOUR_US, NULL) > 0 || far[i] < 0);
        CHECK(calendar_sub(calendar, far[i], HOUR_US, NULL) != 0);
    }
    CHECK_INT(calendar_add(calendar, INT64_MAX, 1, NULL), CALENDAR_NEVER);
    CHECK_INT(calendar_sub(calendar, INT64_MIN, 1, NULL), CALENDAR_NEVER);
    calendar_destroy(calendar);
}
