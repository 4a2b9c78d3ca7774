#include "time/calendar_rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "time/date.h"
#include "time/zone.h"

enum { DATES_MAX = 20000, TEXT_CLOCK = 5 /* "09:00" */ };

/* A date that does not follow its weekday. */
struct marked_date {
    int64_t date;
    bool special; /* false: a holiday, no hours */
    struct calendar_hours hours;
};

struct calendar_rules {
    char *zone;
    struct calendar_hours week[7]; /* Monday first */
    struct marked_date *dates;     /* in order */
    size_t n;
    size_t room;
};

struct calendar_rules *calendar_rules_create(void)
{
    struct calendar_rules *rules = mem_alloc(sizeof(*rules));
    rules->zone = mem_string(TEXT("UTC"));
    return rules;
}

void calendar_rules_destroy(struct calendar_rules *rules)
{
    if (rules == NULL) return;
    free(rules->zone);
    free(rules->dates);
    free(rules);
}

static text trim(text from)
{
    while (from.len > 0 && from.at[0] == ' ') {
        from.at++;
        from.len--;
    }
    while (from.len > 0 && from.at[from.len - 1] == ' ') from.len--;
    return from;
}

static bool read_two_digits(const char *at, int *value)
{
    bool digits = at[0] >= '0' && at[0] <= '9' && at[1] >= '0' && at[1] <= '9';
    *value = digits ? (at[0] - '0') * 10 + (at[1] - '0') : 0;
    return digits;
}

/* "00:00" to "24:00" in seconds. */
static bool read_clock(text from, int32_t *seconds)
{
    int hour, minute;
    if (from.len != TEXT_CLOCK || from.at[2] != ':' || !read_two_digits(from.at, &hour) ||
        !read_two_digits(from.at + 3, &minute))
        return false;
    *seconds = hour * 3600 + minute * 60;
    return minute < 60 && *seconds <= DATE_DAY_SECONDS;
}

static int read_interval(text from, struct calendar_interval *interval, struct err *err)
{
    text close = from;
    text open = text_take(&close, '-');
    if (!read_clock(open, &interval->open) || !read_clock(close, &interval->close) ||
        interval->open == DATE_DAY_SECONDS)
        return err_set(err, "not hours such as 09:00-18:00: \"%.*s\"", TEXT_ARG(from));
    if (interval->close <= interval->open) interval->close += DATE_DAY_SECONDS;
    return 0;
}

/* Put in order of opening. */
static void insert_interval(struct calendar_hours *hours, struct calendar_interval interval)
{
    int i = hours->n++;
    for (; i > 0 && hours->at[i - 1].open > interval.open; i--) hours->at[i] = hours->at[i - 1];
    hours->at[i] = interval;
}

/* Make one of those that overlap or touch. */
static void join_intervals(struct calendar_hours *hours)
{
    int kept = 0;
    for (int i = 0; i < hours->n; i++) {
        if (kept > 0 && hours->at[i].open <= hours->at[kept - 1].close) {
            if (hours->at[kept - 1].close < hours->at[i].close)
                hours->at[kept - 1].close = hours->at[i].close;
        } else {
            hours->at[kept++] = hours->at[i];
        }
    }
    hours->n = kept;
}

static int read_hours(text from, struct calendar_hours *hours, struct err *err)
{
    *hours = (struct calendar_hours){0};
    from = trim(from);
    if (from.len == 0 || text_is(from, "-")) return 0;
    while (from.len > 0) {
        struct calendar_interval interval;
        if (read_interval(trim(text_take(&from, ',')), &interval, err) < 0) return -1;
        if (hours->n == CALENDAR_INTERVALS)
            return err_set(err, "more than %d intervals in a day", CALENDAR_INTERVALS);
        insert_interval(hours, interval);
    }
    join_intervals(hours);
    return 0;
}

int calendar_rules_set_zone(struct calendar_rules *rules, text zone, struct err *err)
{
    if (!zone_name_is_safe(zone))
        return err_set(err, "not the name of a time zone: \"%.*s\"", TEXT_ARG(zone));
    free(rules->zone);
    rules->zone = mem_string(zone);
    return 0;
}

static int find_weekday(text day)
{
    static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    for (int i = 0; i < 7; i++)
        if (text_is(day, names[i])) return i;
    return -1;
}

int calendar_rules_set_hours(struct calendar_rules *rules, text day, text hours, struct err *err)
{
    int weekday = find_weekday(day);
    if (weekday < 0)
        return err_set(err, "not a day (mon, tue, wed, thu, fri, sat, sun): \"%.*s\"",
                       TEXT_ARG(day));
    struct calendar_hours read;
    if (read_hours(hours, &read, err) < 0) return err_prefix(err, "%.*s", TEXT_ARG(day));
    rules->week[weekday] = read;
    return 0;
}

/* The index of the first marked date that is not before this one. */
static size_t find_date(const struct calendar_rules *rules, int64_t date)
{
    size_t low = 0, high = rules->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rules->dates[middle].date < date)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct marked_date *marked(const struct calendar_rules *rules, int64_t date)
{
    size_t i = find_date(rules, date);
    return i < rules->n && rules->dates[i].date == date ? &rules->dates[i] : NULL;
}

static int insert_date(struct calendar_rules *rules, struct marked_date entry, struct err *err)
{
    if (rules->n == DATES_MAX)
        return err_set(err, "more than %d holidays and special dates", DATES_MAX);
    if (rules->n == rules->room) {
        rules->room = rules->room > 0 ? rules->room * 2 : 16;
        rules->dates = mem_resize(rules->dates, rules->room * sizeof(*rules->dates));
    }
    size_t i = find_date(rules, entry.date);
    memmove(&rules->dates[i + 1], &rules->dates[i], (rules->n - i) * sizeof(*rules->dates));
    rules->dates[i] = entry;
    rules->n++;
    return 0;
}

int calendar_rules_add_holiday(struct calendar_rules *rules, text date, struct err *err)
{
    struct marked_date entry = {.special = false};
    if (!date_read(date, &entry.date)) return err_set(err, "not a date: \"%.*s\"", TEXT_ARG(date));
    return marked(rules, entry.date) != NULL ? 0 : insert_date(rules, entry, err);
}

int calendar_rules_set_special(struct calendar_rules *rules, text date, text hours, struct err *err)
{
    struct marked_date entry = {.special = true};
    if (!date_read(date, &entry.date)) return err_set(err, "not a date: \"%.*s\"", TEXT_ARG(date));
    if (read_hours(hours, &entry.hours, err) < 0) return err_prefix(err, "%.*s", TEXT_ARG(date));
    struct marked_date *there = marked(rules, entry.date);
    if (there == NULL) return insert_date(rules, entry, err);
    if (there->special) return err_set(err, "two special hours for %.*s", TEXT_ARG(date));
    *there = entry;
    return 0;
}

static int read_week(struct calendar_rules *rules, text from, struct err *err)
{
    unsigned seen = 0;
    while (from.len > 0) {
        text hours = trim(text_take(&from, ';'));
        text day = text_take(&hours, ' ');
        if (calendar_rules_set_hours(rules, day, hours, err) < 0) return -1;
        unsigned bit = 1u << find_weekday(day);
        if (seen & bit) return err_set(err, "%.*s is named twice", TEXT_ARG(day));
        seen |= bit;
    }
    return 0;
}

static int read_holidays(struct calendar_rules *rules, text from, struct err *err)
{
    while (from.len > 0)
        if (calendar_rules_add_holiday(rules, trim(text_take(&from, ';')), err) < 0) return -1;
    return 0;
}

static int read_special(struct calendar_rules *rules, text from, struct err *err)
{
    while (from.len > 0) {
        text hours = trim(text_take(&from, ';'));
        text date = text_take(&hours, '=');
        if (calendar_rules_set_special(rules, date, hours, err) < 0) return -1;
    }
    return 0;
}

/* Name the field without losing the message. */
static int blame(struct err *err, const char *field)
{
    struct err cause = {0};
    if (err != NULL) cause = *err;
    return err_field(err, field, NULL, "%s", cause.message);
}

int calendar_rules_read(struct calendar_rules *rules, const struct calendar_text *from,
                        struct err *err)
{
    if (calendar_rules_set_zone(rules, from->zone, err) < 0) return blame(err, "tz");
    if (read_week(rules, from->hours, err) < 0) return blame(err, "hours");
    if (read_holidays(rules, from->holidays, err) < 0) return blame(err, "holidays");
    if (read_special(rules, from->special, err) < 0) return blame(err, "special");
    return 0;
}

text calendar_rules_zone(const struct calendar_rules *rules)
{
    return text_of(rules->zone);
}

const struct calendar_hours *calendar_rules_on(const struct calendar_rules *rules, int64_t date)
{
    const struct marked_date *entry = marked(rules, date);
    return entry != NULL ? &entry->hours : &rules->week[date_weekday(date)];
}
