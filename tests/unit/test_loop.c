/* The loop: timers, soon, signals and look-ups, also when started and stopped from inside their
   callbacks. */
#include "base/loop.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "test.h"

static char heard[64];

static void hear(const char *what)
{
    if (strlen(heard) + strlen(what) < sizeof(heard)) strcat(heard, what);
}

static void hear_text(void *ctx)
{
    hear(ctx);
}

static void stop(void *ctx)
{
    (void)ctx;
    loop_stop();
}

TEST(timers_fire_in_order_of_time)
{
    struct loop_timer first = {0}, second = {0}, never = {0};
    loop_timer_start(&second, 20, 0, hear_text, "b");
    loop_timer_start(&never, 30, 0, hear_text, "x");
    loop_timer_start(&first, 1, 0, hear_text, "a");
    loop_timer_stop(&never);
    loop_timer_stop(&never);
    loop_run();
    CHECK_STRING(heard, "ab");
    CHECK(!loop_timer_runs(&first));
    loop_finish();
}

struct repeating {
    struct loop_timer timer;
    int left;
};

static void on_repeat(void *ctx)
{
    struct repeating *repeating = ctx;
    hear("r");
    if (--repeating->left > 0) return;
    loop_timer_stop(&repeating->timer);
    free(repeating);
}

TEST(a_repeating_timer_may_stop_and_free_itself)
{
    struct repeating *repeating = mem_alloc(sizeof(*repeating));
    repeating->left = 3;
    loop_timer_start(&repeating->timer, 0, 1, on_repeat, repeating);
    loop_run();
    CHECK_STRING(heard, "rrr");
    loop_finish();
}

static void on_restart(void *ctx)
{
    struct repeating *repeating = ctx;
    hear("o");
    if (--repeating->left > 0) loop_timer_start(&repeating->timer, 1, 0, on_restart, repeating);
}

TEST(a_timer_may_start_itself_again)
{
    struct repeating once = {.left = 4};
    loop_timer_start(&once.timer, 1, 0, on_restart, &once);
    loop_timer_start(&once.timer, 2, 0, on_restart, &once); /* sets it anew: fires once for both */
    loop_run();
    CHECK_STRING(heard, "oooo");
    loop_finish();
}

static void soon_again(void *ctx)
{
    hear("1");
    loop_soon(hear_text, ctx);
}

TEST(soon_is_in_order_and_in_the_next_turn)
{
    loop_soon(soon_again, "3");
    loop_soon(hear_text, "2");
    CHECK_STRING(heard, "");
    loop_run();
    CHECK_STRING(heard, "123");
    loop_finish();
}

TEST(what_is_due_soon_is_done_before_the_end)
{
    loop_soon(free, mem_alloc(10));
    loop_soon(hear_text, "z");
    loop_finish();
    CHECK_STRING(heard, "z");
}

static void send_signal(void *ctx)
{
    (void)ctx;
    raise(SIGUSR1);
}

static void on_usr1(void *ctx)
{
    hear(ctx);
    loop_stop();
}

TEST(signals_are_heard_by_the_last_who_asked)
{
    struct loop_timer timer = {0}, limit = {0};
    loop_on_signal(SIGUSR1, on_usr1, "old");
    loop_on_signal(SIGUSR1, on_usr1, "new");
    loop_timer_start(&timer, 1, 0, send_signal, NULL);
    loop_timer_start(&limit, 5000, 0, stop, NULL);
    loop_run();
    loop_timer_stop(&limit);
    CHECK_STRING(heard, "new");
    loop_finish();
}

static void on_lookup(void *ctx, enum loop_found found, char **addresses, size_t n)
{
    (void)ctx;
    hear(found == LOOP_FOUND && n > 0 ? addresses[0] : "nobody");
}

TEST(names_are_looked_up)
{
    static const struct row {
        const char *what, *name, *want;
    } rows[] = {
        {"a number", "127.0.0.9", "127.0.0.9"},
        {"a name", "localhost", "127.0.0.1"},
        {"nobody's name", "no-such-name.invalid", "nobody"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        heard[0] = '\0';
        CHECK(loop_lookup(rows[i].name, on_lookup, NULL) != NULL);
        loop_run();
        CHECK_ROW(strcmp(heard, rows[i].want) == 0, "%s: got %s", rows[i].what, heard);
    }
    loop_finish();
}

TEST(a_cancelled_lookup_is_not_heard)
{
    loop_lookup_cancel(loop_lookup("localhost", on_lookup, NULL));
    loop_run();
    CHECK_STRING(heard, "");
    loop_finish();
}

static void end_turn(void *ctx)
{
    hear("|");
    if (--*(int *)ctx == 0) loop_each_turn(NULL, NULL);
}

static void ask_again(void *ctx)
{
    hear("a");
    loop_soon(hear_text, ctx);
}

TEST(a_turn_ends_when_all_that_was_asked_for_is_done)
{
    int turns = 2;
    loop_each_turn(end_turn, &turns);
    loop_soon(ask_again, "b");
    loop_soon(hear_text, "c");
    loop_run();
    CHECK_STRING(heard, "ac|b|");
    loop_finish();
}

TEST(the_end_of_a_turn_is_heard_no_more_once_it_was_ended)
{
    int turns = 1;
    loop_each_turn(end_turn, &turns);
    loop_soon(ask_again, "b");
    loop_run();
    CHECK_STRING(heard, "a|b");
    loop_finish();
}

TEST(the_end_of_a_turn_is_no_reason_for_another)
{
    loop_each_turn(hear_text, "|");
    loop_run();
    CHECK_STRING(heard, "");
    loop_finish();
}

TEST(jitter_is_half_to_all)
{
    int64_t least = 1000, most = 0;
    for (int i = 0; i < 2000; i++) {
        int64_t ms = loop_jitter(1000);
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
    }
    CHECK(least >= 500 && least < 520);
    CHECK(most <= 1000 && most > 980);
    CHECK_INT(loop_jitter(0), 0);
}
