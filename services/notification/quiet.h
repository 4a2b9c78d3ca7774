/*
 * quiet: the hours in which customers are not rung (NTF-01 to NTF-03): half-open windows of the
 * wall clock, every day, in the customer's local time. Pure.
 */
#ifndef KEFU_NOTIFICATION_QUIET_H
#define KEFU_NOTIFICATION_QUIET_H

#include "base/base.h"
#include "time/zone.h"

enum { QUIET_WINDOWS = 16 };

struct quiet_window {
    int32_t from;  /* second of the day */
    int32_t until; /* excluded; not later than from: of the next day */
};

struct quiet {
    struct quiet_window windows[QUIET_WINDOWS];
    size_t n;
    time_us spread; /* what was held goes out over this time */
};

/* "12:00" or "08:30:15"; "24:00" is read as 0. */
bool quiet_parse(text clock, int32_t *second);
bool quiet_is(const struct quiet *quiet, const struct zone *zone, time_us at);
/* The first instant at or after `at` that is not quiet; -1 if there is none within a week (the
   windows cover the day). */
time_us quiet_end(const struct quiet *quiet, const struct zone *zone, time_us at);
/* When something planned at `at` may go out: at once, or after the quiet hours, later the later in
   them it was planned, so that what was held keeps its order and does not burst. */
time_us quiet_release(const struct quiet *quiet, const struct zone *zone, time_us at);
/* When a call wished for `wish` is to be made (SLA-32): if the next allowed minute comes after
   `deadline` (0: none), now, if that is allowed. Never before `now`. */
time_us quiet_plan_call(const struct quiet *quiet, const struct zone *zone, time_us now,
                        time_us wish, time_us deadline);

#endif
