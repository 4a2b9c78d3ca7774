#include "base/pace.h"

#include "test.h"

#include <stdio.h>

/* Pieces begin at these times (each as soon as it may): how long does the next one wait, asked
   `after` the last began? */
TEST(the_rest_of_small_pieces)
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
        {"at the pace of the rest nobody waits", 500, 10, 10, 0},
        {"a thousand that did not wait are no debt", 1000, 1, 0, 10},
        {"and are forgotten after one rest", 1000, 1, 10, 0},
        {"quiet saves up again", 1000, 1, 90, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rest rest = {0};
        int64_t now = 1000000;
        for (int k = 0; k < rows[i].pieces; k++) {
            if (k > 0) now += rows[i].apart_ms;
            rest_note(&rest, now, 10);
        }
        int64_t got = rest_left(&rest, now + rows[i].after_ms, 10);
        if (got != rows[i].want) printf("# %s\n", rows[i].what);
        CHECK_INT(got, rows[i].want);
    }
}

TEST(without_a_rest_nobody_waits)
{
    struct rest rest = {0};
    for (int k = 0; k < 100; k++) rest_note(&rest, 5, 0);
    CHECK_INT(rest_left(&rest, 5, 0), 0);
}
