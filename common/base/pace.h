/*
 * pace: when to begin the next batch. A batch has a high fixed cost, so under load small batches are
 * spaced out: one in `interval_ms` in the long run, several at once after a quiet time. Pure.
 */
#ifndef KEFU_PACE_H
#define KEFU_PACE_H

#include <stdint.h>

enum { INTERVALS_SAVED = 8 };

struct pace {
    int64_t until_ms; /* when the intervals of all batches so far are over */
};

/* How many milliseconds to wait; 0: go on. */
int64_t pace_left(const struct pace *pace, int64_t now_ms, int64_t interval_ms);
/* A batch begins, whether it waited or not. One that did not wait is no debt: no batch ever waits
   longer than `interval_ms`. */
void pace_note(struct pace *pace, int64_t now_ms, int64_t interval_ms);

#endif
