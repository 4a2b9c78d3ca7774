#include "time/holiday.h"

#include <stdlib.h>
#include <string.h>

#include "time/date.h"
#include "data/json.h"

enum { DAYS_MAX = 5000, EVENT_DAYS_MAX = 366 };

/* The dates found so far. */
struct finding {
    struct arena *arena;
    struct holiday *at;
    size_t n;
    size_t room;
};

static int add_day(struct finding *found, struct holiday day, struct err *err)
{
    if (found->n == DAYS_MAX) return err_set(err, "more than %d days", DAYS_MAX);
    if (found->n == found->room) {
        found->room = found->room > 0 ? found->room * 2 : 64;
        struct holiday *wider = ARENA_ARRAY(found->arena, struct holiday, found->room);
        if (found->n > 0) memcpy(wider, found->at, found->n * sizeof(*wider));
        found->at = wider;
    }
    found->at[found->n++] = day;
    return 0;
}

static int compare_days(const void *a, const void *b)
{
    int64_t first = ((const struct holiday *)a)->date;
    int64_t second = ((const struct holiday *)b)->date;
    return (first > second) - (first < second);
}

static text date_text(int64_t days, struct arena *arena)
{
    struct date date = date_of(days);
    return arena_printf(arena, "%04d-%02d-%02d", date.year, date.month, date.day);
}

/* Sort, and drop what is said twice. */
static int sort_days(struct finding *found, struct holidays *out, struct err *err)
{
    if (found->n > 0) qsort(found->at, found->n, sizeof(*found->at), compare_days);
    size_t kept = 0;
    for (size_t i = 0; i < found->n; i++) {
        bool again = kept > 0 && found->at[kept - 1].date == found->at[i].date;
        if (again && found->at[kept - 1].off != found->at[i].off) {
            text date = date_text(found->at[i].date, found->arena);
            return err_set(err, "%.*s is both a holiday and a workday", TEXT_ARG(date));
        }
        if (!again) found->at[kept++] = found->at[i];
    }
    *out = (struct holidays){found->at, kept};
    return 0;
}

/* --- holiday-cn --- */

struct cn_day {
    text name;
    text date;
    bool off;
};

struct cn_year {
    text schema;
    text id;
    int64_t year;
    struct list papers;
    struct list days;
};

static const struct field cn_day_fields[] = {
    {"name", FIELD_TEXT, 0, offsetof(struct cn_day, name), NULL, .doc = ""},
    {"date", FIELD_TEXT, 0, offsetof(struct cn_day, date), NULL, .doc = ""},
    {"isOffDay", FIELD_BOOL, 0, offsetof(struct cn_day, off), NULL, .doc = ""},
};

static const struct shape cn_day_shape = {
    .name = "days",
    .kind = SHAPE_STRUCT,
    .size = sizeof(struct cn_day),
    .fields = cn_day_fields,
    .n = COUNT(cn_day_fields),
};

static const struct field cn_year_fields[] = {
    {"$schema", FIELD_TEXT, FIELD_OPTIONAL, offsetof(struct cn_year, schema), NULL, .doc = ""},
    {"$id", FIELD_TEXT, FIELD_OPTIONAL, offsetof(struct cn_year, id), NULL, .doc = ""},
    {"year", FIELD_INT, 0, offsetof(struct cn_year, year), NULL, .doc = ""},
    {"papers", FIELD_TEXT, FIELD_OPTIONAL | FIELD_LIST, offsetof(struct cn_year, papers), NULL,
     .doc = ""},
    {"days", FIELD_STRUCT, FIELD_LIST, offsetof(struct cn_year, days), &cn_day_shape, .doc = ""},
};

static const struct shape cn_year_shape = {
    .name = "holiday-cn",
    .kind = SHAPE_STRUCT,
    .size = sizeof(struct cn_year),
    .fields = cn_year_fields,
    .n = COUNT(cn_year_fields),
};

int holiday_read_cn(text json, struct arena *arena, struct holidays *out, struct err *err)
{
    const struct cn_year *year = json_read(json, &cn_year_shape, arena, err);
    if (year == NULL) return -1;
    struct finding found = {.arena = arena};
    for (size_t i = 0; i < year->days.n; i++) {
        const struct cn_day *from = &LIST(year->days, struct cn_day)[i];
        struct holiday day = {.name = from->name, .off = from->off};
        if (!date_read(from->date, &day.date))
            return err_set(err, "days: not a date: \"%.*s\"", TEXT_ARG(from->date));
        if (add_day(&found, day, err) < 0) return -1;
    }
    return sort_days(&found, out, err);
}

/* --- iCalendar --- */

struct event {
    bool open; /* between BEGIN:VEVENT and END:VEVENT */
    bool repeats;
    text start, end, summary;
};

/* The text without its folds: a line break and a blank in the middle of a line. */
static text unfold(text from, struct arena *arena)
{
    char *into = arena_alloc(arena, from.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < from.len; i++) {
        bool last = i + 1 == from.len;
        if (from.at[i] == '\r') continue;
        if (from.at[i] == '\n' && !last && (from.at[i + 1] == ' ' || from.at[i + 1] == '\t'))
            i++;
        else
            into[len++] = from.at[i];
    }
    return (text){into, len};
}

static bool says_workday(text summary)
{
    static const char *const words[] = {"补班", "上班", "make-up", "Make-up", "workday", "Workday"};
    for (size_t i = 0; i < COUNT(words); i++)
        if (summary.len > 0 && memmem(summary.at, summary.len, words[i], strlen(words[i])) != NULL)
            return true;
    return false;
}

/* DTEND is the day after the last one; without it the event is one day. */
static int add_event(struct finding *found, const struct event *event, struct err *err)
{
    int64_t start, end;
    if (!date_read(event->start, &start)) /* not an all-day event */
        return 0;
    if (!date_read(event->end, &end)) end = start + 1;
    if (event->repeats) return err_set(err, "repeating event: \"%.*s\"", TEXT_ARG(event->summary));
    if (end <= start || end - start > EVENT_DAYS_MAX)
        return err_set(err, "event without an end within a year: \"%.*s\"",
                       TEXT_ARG(event->summary));
    for (int64_t date = start; date < end; date++) {
        struct holiday day = {date, event->summary, !says_workday(event->summary)};
        if (add_day(found, day, err) < 0) return -1;
    }
    return 0;
}

static int read_line(struct finding *found, struct event *event, text line, struct err *err)
{
    text value = line;
    text key = text_take(&value, ':');
    text name = text_take(&key, ';'); /* the parameters stay in `key` */
    if (text_is(name, "BEGIN") && text_is(value, "VEVENT")) {
        *event = (struct event){.open = true};
    } else if (text_is(name, "END") && text_is(value, "VEVENT")) {
        event->open = false;
        return add_event(found, event, err);
    } else if (event->open && text_is(name, "DTSTART")) {
        event->start = value;
    } else if (event->open && text_is(name, "DTEND")) {
        event->end = value;
    } else if (event->open && text_is(name, "SUMMARY")) {
        event->summary = value;
    } else if (event->open && (text_is(name, "RRULE") || text_is(name, "RDATE"))) {
        event->repeats = true;
    }
    return 0;
}

int holiday_read_ical(text ical, struct arena *arena, struct holidays *out, struct err *err)
{
    struct finding found = {.arena = arena};
    struct event event = {0};
    if (!text_is_utf8(ical)) return err_set(err, "not UTF-8");
    ical = unfold(ical, arena);
    if (!text_is(text_take(&ical, '\n'), "BEGIN:VCALENDAR"))
        return err_set(err, "not an iCalendar file: it does not begin with BEGIN:VCALENDAR");
    while (ical.len > 0)
        if (read_line(&found, &event, text_take(&ical, '\n'), err) < 0) return -1;
    return sort_days(&found, out, err);
}

int holiday_read(text file, struct arena *arena, struct holidays *out, struct err *err)
{
    if (text_starts(file, "BEGIN:VCALENDAR")) return holiday_read_ical(file, arena, out, err);
    return holiday_read_cn(file, arena, out, err);
}

/* --- use --- */

int holiday_apply(const struct holidays *holidays, struct calendar_rules *rules, text hours,
                  struct err *err)
{
    struct arena *arena = arena_create();
    int result = 0;
    for (size_t i = 0; i < holidays->n && result == 0; i++) {
        text date = date_text(holidays->at[i].date, arena);
        result = holidays->at[i].off ? calendar_rules_add_holiday(rules, date, err)
                                     : calendar_rules_set_special(rules, date, hours, err);
    }
    arena_destroy(arena);
    return result;
}

/* Bytes at the start of the text that YAML takes for a line break or that do not print; 0 if
   none. */
static size_t count_break(text from)
{
    static const char *const breaks[] = {"\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
    for (size_t i = 0; i < COUNT(breaks); i++)
        if (text_starts(from, breaks[i])) return strlen(breaks[i]);
    return (unsigned char)from.at[0] < ' ' || from.at[0] == 0x7f ? 1 : 0;
}

/* A name goes into a comment: nothing in it may end the line. */
static void write_name(struct buf *out, text name)
{
    if (name.len > 0) buf_add_text(out, TEXT("   # "));
    while (name.len > 0) {
        size_t skip = count_break(name);
        buf_add_char(out, skip > 0 ? ' ' : name.at[0]);
        name.at += skip > 0 ? skip : 1;
        name.len -= skip > 0 ? skip : 1;
    }
    buf_add_char(out, '\n');
}

static size_t write_days(const struct holidays *holidays, bool off, text hours, struct buf *out)
{
    size_t n = 0;
    for (size_t i = 0; i < holidays->n; i++) {
        if (holidays->at[i].off != off) continue;
        struct date date = date_of(holidays->at[i].date);
        buf_printf(out, "  %s%04d-%02d-%02d", off ? "- " : "", date.year, date.month, date.day);
        if (!off) buf_printf(out, ": \"%.*s\"", TEXT_ARG(hours));
        write_name(out, holidays->at[i].name);
        n++;
    }
    return n;
}

void holiday_write_yaml(const struct holidays *holidays, text hours, struct buf *out)
{
    buf_add_text(out, TEXT("holidays:\n"));
    if (write_days(holidays, true, hours, out) == 0) buf_add_text(out, TEXT("  []\n"));
    buf_add_text(out, TEXT("special:\n"));
    if (write_days(holidays, false, hours, out) == 0) buf_add_text(out, TEXT("  {}\n"));
}
