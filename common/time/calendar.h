/*
 * calendar: business time. An instant u is working time iff the wall clock's reading at u lies in a
 * working interval and u is in no pause; everything else follows from that, over gaps and folds of
 * the clock too. Durations are elapsed time.
 *
 * The rules are compiled into a sorted array of UTC spans with running sums, for as many years as
 * have been asked for; each answer is then a few binary searches. Counts from 1900 to 2199;
 * instants outside are taken as the nearer end.
 */
#ifndef KEFU_CALENDAR_H
#define KEFU_CALENDAR_H

#include "base/arena.h"
#include "time/calendar_rules.h"
#include "base/err.h"

/* No such instant within CALENDAR_HORIZON. Later than any instant. */
#define CALENDAR_NEVER INT64_MAX
#define CALENDAR_HORIZON (3660 * DAY_US)

struct calendar;

/* [from, until) */
struct calendar_span {
    time_us from;
    time_us until;
};

/* Pauses: in any order, may overlap, may lie outside working time; until = CALENDAR_NEVER while one
   lasts. */
struct calendar_spans {
    const struct calendar_span *at;
    size_t n;
};

/* Natural time: every instant works. */
struct calendar *calendar_always(void);
/* Reads the zone. Takes the rules, also on failure. NULL on failure: there is no such zone. */
MUST_CHECK struct calendar *calendar_compile(struct calendar_rules *take_rules, struct err *err);
void calendar_destroy(struct calendar *calendar); /* NULL is fine */

/* Below, `pauses` may be NULL. The answers are exact; the calendar is not const only because it may
   compile more years. */

/* The earliest instant t >= start with worked(start, t) = work, or CALENDAR_NEVER. work >= 0; 0
   gives start itself. */
time_us calendar_add(struct calendar *calendar, time_us start, int64_t work,
                     const struct calendar_spans *pauses);
/* The latest instant t <= end with worked(t, end) = work, or CALENDAR_NEVER. */
time_us calendar_sub(struct calendar *calendar, time_us end, int64_t work,
                     const struct calendar_spans *pauses);
/* Working time in [from, until); negative if until < from. */
int64_t calendar_worked(struct calendar *calendar, time_us from, time_us until,
                        const struct calendar_spans *pauses);
/* The stretches of working time in [from, until), in order and apart from each other: together they
   are calendar_worked(from, until), so with a deadline as `until` they say how it came about. None
   if until <= from. */
struct calendar_spans calendar_explain(struct calendar *calendar, time_us from, time_us until,
                                       const struct calendar_spans *pauses, struct arena *arena);

#endif
