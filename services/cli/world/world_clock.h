/*
 * clockwork: drives the test clock of a whole system. It waits until everything is done that can be
 * done at the clock's time (quiet), sets all clocks to the next alarm or to the target, and so on:
 * days pass in seconds, and nothing is skipped.
 */
#ifndef KEFU_CLI_WORLD_CLOCK_H
#define KEFU_CLI_WORLD_CLOCK_H

#include "cli/client/client.h"

struct clockwork;

/* Finds out what time it is. NULL with err if a service does not answer or runs on the real
   clock. */
MUST_CHECK struct clockwork *clockwork_create(struct client *client, int64_t patience_ms,
                                              struct err *err);
void clockwork_destroy(struct clockwork *clockwork); /* NULL is fine */

time_us clockwork_now(const struct clockwork *clockwork);
/* When the next alarm is due, as of the last settling; 0: none. */
time_us clockwork_next(const struct clockwork *clockwork);
/* Wait until all is quiet: nothing in flight, every reader at the head of what it reads, twice in a
   row. */
MUST_CHECK int clockwork_settle(struct clockwork *clockwork, struct err *err);
/* Commands were sent since: the next advance settles first. */
void clockwork_stir(struct clockwork *clockwork);
/* Go on to the instant, letting every alarm due by then happen at its own time, in order. In the
   past: only settles. */
MUST_CHECK int clockwork_advance(struct clockwork *clockwork, time_us to, struct err *err);
/* Set all clocks at once, whatever is due in between. Clocks never go back. */
MUST_CHECK int clockwork_set(struct clockwork *clockwork, time_us to, struct err *err);
/* Show a window from now to `to`: every message is decided at its own time in it, whatever the
   clocks are set to by clockwork_set(), until another is opened, clockwork_close_window(), or
   clockwork_advance(). `to` is later than now. A window that is left open (the process ended) is
   shown until somebody sets the clock again: every other setting shows none. */
MUST_CHECK int clockwork_open_window(struct clockwork *clockwork, time_us to, struct err *err);
MUST_CHECK int clockwork_close_window(struct clockwork *clockwork, struct err *err);
/* When the next alarm of that service is due, as of the last settling; 0: none. */
time_us clockwork_next_of(const struct clockwork *clockwork, const char *service);

/* For progress and measurement. */
struct clockwork_work {
    int64_t steps; /* times the clock was set */
    int64_t looks; /* times those who could have something to do, or all, were asked */
};
struct clockwork_work clockwork_work(const struct clockwork *clockwork);

#endif
