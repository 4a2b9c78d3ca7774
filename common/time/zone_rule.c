#include "time/zone_rule.h"

#include "time/date.h"

enum { HOUR = 3600, OFFSET_HOURS_MAX = 24, TIME_HOURS_MAX = 167, YEARS_AROUND = 2 };

/* Latches: after the first mistake `bad` stays set and nothing more is read. */
struct scan {
    const char *at;
    const char *end;
    bool bad;
};

static char peek(const struct scan *scan)
{
    return !scan->bad && scan->at < scan->end ? *scan->at : '\0';
}

static bool take(struct scan *scan, char c)
{
    if (peek(scan) != c || c == '\0') return false;
    scan->at++;
    return true;
}

static void want(struct scan *scan, char c)
{
    if (!take(scan, c)) scan->bad = true;
}

static int scan_number(struct scan *scan, int least, int most)
{
    int value = 0;
    if (peek(scan) < '0' || peek(scan) > '9') scan->bad = true;
    while (peek(scan) >= '0' && peek(scan) <= '9' && value <= most)
        value = value * 10 + (*scan->at++ - '0');
    if (value < least || value > most) scan->bad = true;
    return value;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name_character(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-';
}

/* The abbreviation: three letters or more, or anything between angle brackets. It is not kept. */
static void skip_name(struct scan *scan)
{
    int n = 0;
    if (take(scan, '<')) {
        for (; is_name_character(peek(scan)); n++) scan->at++;
        want(scan, '>');
    } else {
        for (; is_letter(peek(scan)); n++) scan->at++;
    }
    if (n < 3) scan->bad = true;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static int32_t scan_clock(struct scan *scan, int hours_max)
{
    bool negative = take(scan, '-');
    if (!negative) (void)take(scan, '+');
    int32_t seconds = scan_number(scan, 0, hours_max) * HOUR;
    if (take(scan, ':')) {
        seconds += scan_number(scan, 0, 59) * 60;
        if (take(scan, ':')) seconds += scan_number(scan, 0, 59);
    }
    return negative ? -seconds : seconds;
}

static struct zone_day scan_day(struct scan *scan)
{
    struct zone_day day = {.kind = ZONE_DAY_WITH_LEAP, .time = 2 * HOUR};
    want(scan, ',');
    if (take(scan, 'M')) {
        day.kind = ZONE_DAY_OF_MONTH_WEEK;
        day.month = scan_number(scan, 1, 12);
        want(scan, '.');
        day.week = scan_number(scan, 1, 5);
        want(scan, '.');
        day.weekday = scan_number(scan, 0, 6);
    } else if (take(scan, 'J')) {
        day.kind = ZONE_DAY_WITHOUT_LEAP;
        day.day = scan_number(scan, 1, 365);
    } else {
        day.day = scan_number(scan, 0, 365);
    }
    if (take(scan, '/')) day.time = scan_clock(scan, TIME_HOURS_MAX);
    return day;
}

int zone_rule_read(text from, struct zone_rule *rule, struct err *err)
{
    struct scan scan = {from.at, from.at + from.len, from.len == 0};
    *rule = (struct zone_rule){0};
    skip_name(&scan);
    rule->standard = -scan_clock(&scan, OFFSET_HOURS_MAX);
    if (!scan.bad && scan.at < scan.end) {
        rule->changes = true;
        skip_name(&scan);
        rule->summer =
            peek(&scan) == ',' ? rule->standard + HOUR : -scan_clock(&scan, OFFSET_HOURS_MAX);
        rule->begin = scan_day(&scan);
        rule->end = scan_day(&scan);
    }
    if (scan.bad || scan.at != scan.end)
        return err_set(err, "not a POSIX time zone rule: \"%.*s\"", TEXT_ARG(from));
    return 0;
}

static int64_t day_in_month_week(const struct zone_day *day, int year)
{
    int64_t first = date_days(year, day->month, 1);
    int first_weekday = (date_weekday(first) + 1) % 7; /* 0 = Sunday */
    int in_month = (day->weekday - first_weekday + 7) % 7 + (day->week - 1) * 7;
    while (in_month >= date_month_days(year, day->month)) in_month -= 7;
    return first + in_month;
}

static int64_t day_in_year(const struct zone_day *day, int year)
{
    if (day->kind == ZONE_DAY_OF_MONTH_WEEK) return day_in_month_week(day, year);
    int64_t new_year = date_days(year, 1, 1);
    if (day->kind == ZONE_DAY_WITH_LEAP) return new_year + day->day;
    bool after_leap_day = date_month_days(year, 2) == 29 && day->day >= 60;
    return new_year + day->day - 1 + (after_leap_day ? 1 : 0);
}

struct change {
    int64_t at;
    int32_t offset; /* from then on */
};

/* Insert in order of time; of two at the same instant the one added last decides. */
static void add_change(struct change *changes, size_t *n, struct change change)
{
    size_t i = (*n)++;
    for (; i > 0 && changes[i - 1].at > change.at; i--) changes[i] = changes[i - 1];
    changes[i] = change;
}

static size_t list_changes(const struct zone_rule *rule, int year, struct change *changes)
{
    size_t n = 0;
    for (int y = year - YEARS_AROUND; y <= year + YEARS_AROUND; y++) {
        int64_t begin =
            day_in_year(&rule->begin, y) * DATE_DAY_SECONDS + rule->begin.time - rule->standard;
        int64_t end = day_in_year(&rule->end, y) * DATE_DAY_SECONDS + rule->end.time - rule->summer;
        add_change(changes, &n, (struct change){begin, rule->summer});
        add_change(changes, &n, (struct change){end, rule->standard});
    }
    return n;
}

struct zone_era zone_rule_era(const struct zone_rule *rule, int64_t seconds)
{
    struct zone_era era = {INT64_MIN, INT64_MAX, rule->standard};
    if (!rule->changes) return era;
    struct change changes[(2 * YEARS_AROUND + 1) * 2];
    size_t n = list_changes(rule, date_of(date_day_of(seconds)).year, changes);
    size_t next = 0;
    while (next < n && changes[next].at <= seconds) next++;
    /* two years around hold changes on both sides, but where the years of date.h end */
    if (next > 0)
        era = (struct zone_era){changes[next - 1].at, INT64_MAX, changes[next - 1].offset};
    if (next < n) era.until = changes[next].at;
    return era;
}
