/*
 * calendar_rules: when people work, as the company writes it down: a zone, the hours of the seven
 * weekdays, the closed dates, and dates with hours of their own (half days, make-up workdays 调休).
 * Pure. calendar.h counts with them.
 *
 * Hours are "09:00-12:00,13:00-18:00"; "24:00" is the end of the day; an interval whose close is
 * not after its open ends on the next day; "-" or nothing means closed. Intervals that overlap or
 * touch are one.
 */
#ifndef KEFU_CALENDAR_RULES_H
#define KEFU_CALENDAR_RULES_H

#include "base/err.h"

enum { CALENDAR_INTERVALS = 12 }; /* most intervals of one day */

/* Seconds after midnight of the date on which the interval opens: 0 <= open < 24 h, open < close <
   48 h. */
struct calendar_interval {
    int32_t open;
    int32_t close;
};

struct calendar_hours {
    int n;
    struct calendar_interval at[CALENDAR_INTERVALS]; /* in order, apart from each other */
};

/* The text forms, as in the columns of a table of cases. Absent text means none. */
struct calendar_text {
    text zone;
    text hours;    /* "mon 09:00-12:00,13:00-18:00;tue 09:00-18:00" */
    text holidays; /* "2026-02-15;2026-02-16" */
    text special;  /* "2026-02-14=09:00-18:00;2026-02-13=-" */
};

struct calendar_rules;

/* Always closed, in UTC. */
struct calendar_rules *calendar_rules_create(void);
void calendar_rules_destroy(struct calendar_rules *rules); /* NULL is fine */

MUST_CHECK int calendar_rules_set_zone(struct calendar_rules *rules, text zone, struct err *err);
/* The day is "mon" … "sun". */
MUST_CHECK int calendar_rules_set_hours(struct calendar_rules *rules, text day, text hours,
                                        struct err *err);
/* The date is "2026-02-14". Saying it twice changes nothing. Special hours of the same date stay.
   */
MUST_CHECK int calendar_rules_add_holiday(struct calendar_rules *rules, text date, struct err *err);
/* These hours replace all else on that date. Two specials of one date are an error. */
MUST_CHECK int calendar_rules_set_special(struct calendar_rules *rules, text date, text hours,
                                          struct err *err);
/* All of the above. err->field is "tz", "hours", "holidays" or "special". */
MUST_CHECK int calendar_rules_read(struct calendar_rules *rules, const struct calendar_text *from,
                                   struct err *err);

text calendar_rules_zone(const struct calendar_rules *rules);
/* The hours that open on a date (a number as in date.h). */
const struct calendar_hours *calendar_rules_on(const struct calendar_rules *rules, int64_t date);

#endif
