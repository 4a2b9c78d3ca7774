#include "data/iso_time.h"

enum { CYCLE_DAYS = 146097, EPOCH_DAYS = 719468 }; /* of 400 years; from 0000-03-01 to 1970-01-01 */

struct date {
    int64_t year;
    int month, day;
};

/* Years are counted from March, so that the leap day is a year's last. */
static int64_t days_of(struct date date)
{
    int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    int64_t cycle = (year >= 0 ? year : year - 399) / 400, of_cycle = year - cycle * 400;
    int64_t of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
    return cycle * CYCLE_DAYS + of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + of_year -
           EPOCH_DAYS;
}

static struct date date_of(int64_t days)
{
    days += EPOCH_DAYS;
    int64_t cycle = (days >= 0 ? days : days - (CYCLE_DAYS - 1)) / CYCLE_DAYS,
            left = days - cycle * CYCLE_DAYS;
    int64_t of_cycle = (left - left / 1460 + left / 36524 - left / (CYCLE_DAYS - 1)) / 365;
    int64_t of_year = left - (of_cycle * 365 + of_cycle / 4 - of_cycle / 100);
    int month = (int)((5 * of_year + 2) / 153);
    int day = (int)(of_year - (153 * month + 2) / 5 + 1);
    month += month < 10 ? 3 : -9;
    return (struct date){cycle * 400 + of_cycle + (month <= 2), month, day};
}

static int days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

void json_add_time(struct buf *out, time_us time)
{
    int64_t left = time % DAY_US + (time % DAY_US < 0 ? DAY_US : 0);
    struct date date = date_of(time / DAY_US - (time % DAY_US < 0));
    int seconds = (int)(left / SECOND_US), micros = (int)(left % SECOND_US);
    buf_printf(out, "%04d-%02d-%02dT", (int)date.year, date.month, date.day);
    buf_printf(out, "%02d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if (micros != 0) buf_printf(out, ".%06d", micros);
    buf_add_char(out, 'Z');
}

/* Exactly `digits` digits from *from on, a number of least..most. */
static bool read_digits(text *from, size_t digits, int least, int most, int *out)
{
    *out = 0;
    if (from->len < digits) return false;
    for (size_t i = 0; i < digits; i++) {
        if (from->at[i] < '0' || from->at[i] > '9') return false;
        *out = *out * 10 + (from->at[i] - '0');
    }
    from->at += digits;
    from->len -= digits;
    return *out >= least && *out <= most;
}

static bool read_char(text *from, char c)
{
    if (from->len == 0 || from->at[0] != c) return false;
    from->at++;
    from->len--;
    return true;
}

/* One to six digits behind a point. */
static bool read_fraction(text *from, int *micros)
{
    *micros = 0;
    if (!read_char(from, '.')) return true;
    int digit, scale = 100000;
    if (!read_digits(from, 1, 0, 9, &digit)) return false;
    do {
        *micros += digit * scale;
        scale /= 10;
    } while (scale > 0 && read_digits(from, 1, 0, 9, &digit));
    return true;
}

static bool read_zone(text *from, int *minutes)
{
    int hour, minute;
    *minutes = 0;
    if (read_char(from, 'Z')) return from->len == 0;
    bool west = read_char(from, '-');
    if (!west && !read_char(from, '+')) return false;
    if (!read_digits(from, 2, 0, 23, &hour) || !read_char(from, ':') ||
        !read_digits(from, 2, 0, 59, &minute))
        return false;
    *minutes = (west ? -1 : 1) * (hour * 60 + minute);
    return from->len == 0;
}

bool json_time(text iso, time_us *out)
{
    int year, month, day, hour, minute, second, micros, zone;
    text from = iso;
    if (!read_digits(&from, 4, 1, 9999, &year) || !read_char(&from, '-')) return false;
    if (!read_digits(&from, 2, 1, 12, &month) || !read_char(&from, '-')) return false;
    if (!read_digits(&from, 2, 1, days_in_month(year, month), &day) || !read_char(&from, 'T'))
        return false;
    if (!read_digits(&from, 2, 0, 23, &hour) || !read_char(&from, ':')) return false;
    if (!read_digits(&from, 2, 0, 59, &minute) || !read_char(&from, ':')) return false;
    if (!read_digits(&from, 2, 0, 59, &second)) return false;
    if (!read_fraction(&from, &micros) || !read_zone(&from, &zone)) return false;
    int64_t hours = days_of((struct date){year, month, day}) * 24 + hour;
    int64_t minutes = hours * 60 + minute - zone;
    *out = minutes * MINUTE_US + second * SECOND_US + micros;
    return true;
}
