/*
 * loop: the one event loop of the process. Timers, "soon", signals and name look-ups without
 * libuv's types, safe to start and stop from inside any callback. Nothing here is ever called from
 * another thread.
 */
#ifndef KEFU_LOOP_H
#define KEFU_LOOP_H

#include "base/base.h"

/* The loop itself, made at first use: for the few modules that own file descriptors. */
struct uv_loop_s;
struct uv_loop_s *loop_get(void);

/* Run until loop_stop(), or until nothing is left that could happen. */
void loop_run(void);
void loop_stop(void);
/* Forget signals and what loop_soon() still holds (running it once), wait briefly for what is
   closing, free the loop. */
void loop_finish(void);

/* Milliseconds of a clock that only goes forward; its zero means nothing. */
int64_t loop_now_ms(void);

/* Zero-initialised is stopped. May be freed by its owner as soon as it is stopped, or has fired
   without a repeat. */
struct loop_timer {
    struct loop_timing *timing;
};
/* Call fn in `ms`, then every `repeat_ms` if that is not 0. Starting a running timer sets it
   anew. */
void loop_timer_start(struct loop_timer *timer, int64_t ms, int64_t repeat_ms,
                      void (*fn)(void *ctx), void *ctx);
void loop_timer_stop(struct loop_timer *timer);
bool loop_timer_runs(const struct loop_timer *timer);

/* Call fn in the next turn, in order of asking. loop_soon(free, x) frees what a caller further up
   may still look at. */
void loop_soon(void (*fn)(void *ctx), void *ctx);

/* Call fn at the end of each turn: all that has come was handled, what was asked for by
   loop_soon() too, and the loop is about to wait. One fn at a time; NULL ends it. It does not keep
   the loop running. */
void loop_each_turn(void (*fn)(void *ctx), void *ctx);

/* Call fn(ctx) whenever the signal comes. A second call for the same signal replaces the first. */
void loop_on_signal(int signo, void (*fn)(void *ctx), void *ctx);

/* Half to all of `ms`, at random: so that not everybody tries again at once. */
int64_t loop_jitter(int64_t ms);

/* All IPv4 addresses of a name, as numbers, without duplicates, asked for in another thread. */
enum loop_found { LOOP_FOUND, LOOP_NO_SUCH_NAME, LOOP_NOT_ANSWERED };
struct loop_lookup;
/* fn is called once, later, unless cancelled before; then the look-up is gone. `addresses` live
   during the call. NULL, and no call, if that cannot be a name. */
struct loop_lookup *
loop_lookup(const char *name,
            void (*fn)(void *ctx, enum loop_found found, char **addresses, size_t n), void *ctx);
void loop_lookup_cancel(struct loop_lookup *lookup); /* NULL is fine */

#endif
