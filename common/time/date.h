/*
 * date: days of the Gregorian calendar, counted from 1970-01-01. Pure.
 */
#ifndef KEFU_DATE_H
#define KEFU_DATE_H

#include "base/base.h"

enum { DATE_DAY_SECONDS = 86400, DATE_WEEK_SECONDS = 7 * DATE_DAY_SECONDS };

struct date {
    int year;
    int month; /* 1..12 */
    int day;   /* 1..31 */
};

/* The day's number. Month and day must exist; a year before 1 or after 9999 is taken as the nearer
   of these. */
int64_t date_days(int year, int month, int day);
/* The date of a day's number; beyond the years 1 to 9999 their first or last day. */
struct date date_of(int64_t days);
/* 0 = Monday … 6 = Sunday. */
int date_weekday(int64_t days);
int date_month_days(int year, int month);
/* Read "2026-02-14" or, as iCalendar writes it, "20260214". False if it is not a date that exists.
   */
bool date_read(text from, int64_t *days);
/* Division that rounds down also below zero: the day that a second lies on. */
int64_t date_day_of(int64_t seconds);

#endif
