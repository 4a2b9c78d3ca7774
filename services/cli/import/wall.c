#include "wall.h"

#include "time/date.h"

#include <string.h>

time_us wall_instant(const struct zone *zone, int64_t day, int64_t seconds)
{
    int64_t reading = day * DATE_DAY_SECONDS + seconds;
    int32_t before = zone_era(zone, reading - DATE_DAY_SECONDS).offset;
    int32_t after = zone_era(zone, reading + DATE_DAY_SECONDS).offset;
    int64_t first = reading - before, second = reading - after;
    bool fits_first = zone_era(zone, first).offset == before;
    bool fits_second = zone_era(zone, second).offset == after;
    return (fits_first || !fits_second ? first : second) * SECOND_US;
}

int64_t wall_day(const struct zone *zone, time_us at)
{
    int64_t seconds = at / SECOND_US;
    return date_day_of(seconds + zone_era(zone, seconds).offset);
}

static bool read_digits(text *rest, char mark, size_t width, int64_t *out)
{
    text part = mark != '\0' ? text_take(rest, mark) : *rest;
    for (size_t i = 0; i < part.len; i++)
        if (part.at[i] < '0' || part.at[i] > '9') return false;
    return part.len == width && text_to_int(part, out);
}

bool wall_read_american(const struct zone *zone, text from, time_us *out)
{
    int64_t month, day, year, hour, minute, second;
    if (!read_digits(&from, '/', 2, &month) || !read_digits(&from, '/', 2, &day) ||
        !read_digits(&from, ' ', 4, &year) || !read_digits(&from, ':', 2, &hour) ||
        !read_digits(&from, ':', 2, &minute) || !read_digits(&from, ' ', 2, &second))
        return false;
    bool noon = text_is(from, "PM");
    if (!noon && !text_is(from, "AM")) return false;
    if (month < 1 || month > 12 || day < 1 || day > date_month_days((int)year, (int)month))
        return false;
    if (hour < 1 || hour > 12 || minute > 59 || second > 59) return false;
    int64_t seconds = (hour % 12 + (noon ? 12 : 0)) * 3600 + minute * 60 + second;
    *out = wall_instant(zone, date_days((int)year, (int)month, (int)day), seconds);
    return time_is_good(*out);
}

bool wall_read_hours(text from, int64_t *seconds)
{
    int64_t hour, minute;
    if (!read_digits(&from, ':', 2, &hour) || !read_digits(&from, '\0', 2, &minute) || hour > 47 ||
        minute > 59)
        return false;
    *seconds = hour * 3600 + minute * 60;
    return true;
}

bool wall_read_day(const struct zone *zone, int64_t day, text from, time_us *out)
{
    int64_t seconds, later = 0;
    if (text_starts(from, "+")) {
        text days = text_take(&from, ' ');
        if (!text_to_int((text){days.at + 1, days.len - 1}, &later) || later < 0 || later > 400)
            return false;
    }
    if (!wall_read_hours(from, &seconds)) return false;
    *out = wall_instant(zone, day + later, seconds);
    return true;
}
