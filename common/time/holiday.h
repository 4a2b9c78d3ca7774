/*
 * holiday: lists of public holidays and make-up workdays (调休) as others publish them, read into
 * dates. Pure.
 */
#ifndef KEFU_HOLIDAY_H
#define KEFU_HOLIDAY_H

#include "base/arena.h"
#include "base/buf.h"
#include "time/calendar_rules.h"
#include "base/err.h"

struct holiday {
    int64_t date; /* as in date.h */
    text name;
    bool off; /* false: a weekend day that is worked */
};

/* In order of date, each date once. */
struct holidays {
    const struct holiday *at;
    size_t n;
};

/* A file of NateScarlet/holiday-cn (JSON). A year's file may hold dates of the year before. */
MUST_CHECK int holiday_read_cn(text json, struct arena *arena, struct holidays *out,
                               struct err *err);
/* The all-day events of an iCalendar file; the others are left out. An event is a workday if its
   summary says 补班, 上班, "make-up" or "workday". Refused: all-day events that repeat. */
MUST_CHECK int holiday_read_ical(text ical, struct arena *arena, struct holidays *out,
                                 struct err *err);
/* Either of the two, told apart by how the text begins. */
MUST_CHECK int holiday_read(text file, struct arena *arena, struct holidays *out, struct err *err);

/* Put the dates into the rules; workdays get these hours. */
MUST_CHECK int holiday_apply(const struct holidays *holidays, struct calendar_rules *rules,
                             text hours, struct err *err);
/* The same as the `holidays` and `special` of a calendar's YAML file. */
void holiday_write_yaml(const struct holidays *holidays, text hours, struct buf *out);

#endif
