#include "time/date.h"

enum { EPOCH_WEEKDAY = 3 }; /* 1970-01-01 was a Thursday */
enum { YEAR_FIRST = 1, YEAR_LAST = 9999 };

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int date_month_days(int year, int month)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    assert(month >= 1 && month <= 12);
    return lengths[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Days from 0001-01-01 to the first of January of the year. */
static int64_t days_before_year(int year)
{
    int64_t past = year - 1;
    return past * 365 + past / 4 - past / 100 + past / 400;
}

int64_t date_days(int year, int month, int day)
{
    year = year < YEAR_FIRST ? YEAR_FIRST : year > YEAR_LAST ? YEAR_LAST : year;
    int64_t days = days_before_year(year) - days_before_year(1970);
    for (int m = 1; m < month; m++) days += date_month_days(year, m);
    return days + day - 1;
}

struct date date_of(int64_t days)
{
    const int64_t first = -days_before_year(1970);
    const int64_t last = first + days_before_year(YEAR_LAST + 1) - 1;
    int64_t since_year_one = (days < first ? first : days > last ? last : days) - first;
    int year = (int)(since_year_one / 366) + 1; /* never too late; then step up to it */
    while (days_before_year(year + 1) <= since_year_one) year++;
    struct date date = {year, 1, (int)(since_year_one - days_before_year(year)) + 1};
    while (date.day > date_month_days(year, date.month))
        date.day -= date_month_days(year, date.month++);
    return date;
}

int date_weekday(int64_t days)
{
    int64_t weekday = (days + EPOCH_WEEKDAY) % 7;
    return (int)(weekday < 0 ? weekday + 7 : weekday);
}

int64_t date_day_of(int64_t seconds)
{
    int64_t days = seconds / DATE_DAY_SECONDS;
    return days - (seconds % DATE_DAY_SECONDS < 0 ? 1 : 0);
}

static bool read_digits(const char *at, size_t n, int *out)
{
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        if (at[i] < '0' || at[i] > '9') return false;
        *out = *out * 10 + (at[i] - '0');
    }
    return true;
}

bool date_read(text from, int64_t *days)
{
    bool dashed = from.len == 10 && from.at[4] == '-' && from.at[7] == '-';
    if (!dashed && from.len != 8) return false;
    int year, month, day;
    if (!read_digits(from.at, 4, &year) || !read_digits(from.at + (dashed ? 5 : 4), 2, &month) ||
        !read_digits(from.at + (dashed ? 8 : 6), 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > date_month_days(year, month))
        return false;
    *days = date_days(year, month, day);
    return true;
}
