/*
 * failpoint: points at every edge of a commit where a fault test lets this process die or wait.
 * Compiled in only with KEFU_FAILPOINTS (the test build); in a release there is nothing.
 *
 *   FAIL_AT=drawn:3              abort when the point is passed for the third time
 *   FAIL_AT=drawn:3:sleep=200    wait 200 ms at every third time, the whole process
 *   several joined by commas
 *
 *   leased      leases claimed
 *   claimed     alarms deleted, facts loaded
 *   inserted    the rows of a round are in, the journal not yet
 *   drawn       journal rows are in, their numbers drawn
 *   effect      all is in but the position
 *   written     all is in, COMMIT not sent
 *   committing  COMMIT sent, its end not known
 *   committed   COMMIT returned, nothing answered
 *   answered    commands answered
 *   page        a journal.read answered
 *   reported    a job's work done, not recorded
 *   draining    told to stop, leases still held
 *   released    leases given back, not gone yet
 */
#ifndef KEFU_FAILPOINT_H
#define KEFU_FAILPOINT_H

#include <stdbool.h>

#ifdef KEFU_FAILPOINTS

void fail_at(const char *point);
/* The same, and `before` is called first if it is the point's time. */
void fail_after(const char *point, void (*before)(void *ctx), void *ctx);

#else

static inline void fail_at(const char *point)
{
    (void)point;
}

static inline void fail_after(const char *point, void (*before)(void *ctx), void *ctx)
{
    (void)point, (void)before, (void)ctx;
}

#endif
#endif
