#include "base/pace.h"

#include "test.h"

#include <stdio.h>

/* Pieces begin at these times (each as soon as it may): how long does the next one wait, asked
   `after` the last began? */
TEST(the_pace_of_small_batches)
{
    static const struct {
        const char *what;
        int pieces, apart_ms, after_ms;
        int64_t want;
    } rows[] = {
        {"the first of all", 0, 0, 0, 0},
        {"one at a time", 1, 0, 0, 0},
        {"eight at once are saved up", 8, 0, 0, 0},
        {"the ninth waits", 9, 0, 0, 10},
        {"the ninth has waited a little", 9, 0, 4, 6},
        {"at the pace of the interval no batch waits", 500, 10, 10, 0},
        {"a thousand that did not wait are no debt", 1000, 1, 0, 10},
        {"and are forgotten after one interval", 1000, 1, 10, 0},
        {"quiet saves up again", 1000, 1, 90, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pace pace = {0};
        int64_t now = 1000000;
        for (int k = 0; k < rows[i].pieces; k++) {
            if (k > 0) now += rows[i].apart_ms;
            pace_note(&pace, now, 10);
        }
        int64_t got = pace_left(&pace, now + rows[i].after_ms, 10);
        if (got != rows[i].want) printf("# %s\n", rows[i].what);
        CHECK_INT(got, rows[i].want);
    }
}

TEST(without_an_interval_no_batch_waits)
{
    struct pace pace = {0};
    for (int k = 0; k < 100; k++) pace_note(&pace, 5, 0);
    CHECK_INT(pace_left(&pace, 5, 0), 0);
}
