/*
 * wall: readings of a wall clock in a time zone, as instants. A reading that occurs twice is the
 * first of the two; one that is skipped moves forward by the length of the gap: both are "the
 * offset before the change". Pure but for the zone files.
 */
#ifndef KEFU_CLI_WALL_H
#define KEFU_CLI_WALL_H

#include "base/base.h"
#include "time/zone.h"

/* The instant at which the clock reads so many seconds after midnight (may be beyond the day) of
   the day (counted from 1970-01-01). */
time_us wall_instant(const struct zone *zone, int64_t day, int64_t seconds);
/* The day that the clock shows at the instant. */
int64_t wall_day(const struct zone *zone, time_us at);
/* "04/12/2018 11:11:26 AM" (twelve hours, month first). False if it is no such time. */
bool wall_read_american(const struct zone *zone, text from, time_us *out);
/* "09:30" as seconds after midnight; hours up to 47. False if it is none. */
bool wall_read_hours(text from, int64_t *seconds);
/* "09:30" of the day, or "+1 09:30" of a later one. */
bool wall_read_day(const struct zone *zone, int64_t day, text from, time_us *out);

#endif
