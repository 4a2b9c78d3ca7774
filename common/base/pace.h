/*
 * rest: when to begin the next small piece of work. Most of what a small piece costs is that it is
 * a piece, so under load nobody does small ones back to back: one in `rest` milliseconds in the
 * long run, several at once when there was little to do before. Pure.
 */
#ifndef KEFU_PACE_H
#define KEFU_PACE_H

#include <stdint.h>

enum { RESTS_SAVED = 8 };

struct rest {
    int64_t until_ms; /* when all pieces so far have been rested from */
};

/* How many milliseconds to wait; 0: go on. */
int64_t rest_left(const struct rest *rest, int64_t now_ms, int64_t rest_ms);
/* A piece of work begins, whether it waited or not. What did not wait is no debt: nobody ever waits
   longer than `rest_ms`. */
void rest_note(struct rest *rest, int64_t now_ms, int64_t rest_ms);

#endif
