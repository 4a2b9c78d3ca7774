/* alarm_gate: an alarm waits for what was said in time, and never longer than GATE_MS. */
#include "runtime/core/alarm_gate.h"
#include "test.h"

enum { NOW_MS = 1000000, SOURCES = 2 };
static const time_us D = 50 * SECOND_US;

/* Found at the moment it was due, by a lane that has worked for long. */
static struct alarm_gate gate_at(time_us found_at)
{
    struct alarm_gate gate = {0};
    alarm_gate_find(&gate, found_at, NOW_MS);
    return gate;
}

static void hear_all(struct alarm_gate *gate, time_us as_of)
{
    for (int s = 0; s < SOURCES; s++) alarm_gate_hear(gate, s, as_of);
}

static bool lets(const struct alarm_gate *gate, time_us waiting, int64_t after_ms)
{
    return alarm_gate_lets(gate, SOURCES, D, waiting, NOW_MS + after_ms);
}

TEST(it_opens_when_every_source_has_been_heard_as_of_the_due_time)
{
    struct alarm_gate gate = gate_at(D);
    CHECK(!lets(&gate, 0, 0));
    alarm_gate_hear(&gate, 0, D + 1);
    alarm_gate_hear(&gate, 1, D - 1);
    CHECK(!lets(&gate, 0, 0));
    alarm_gate_hear(&gate, 1, D);
    CHECK(lets(&gate, 0, 0));
    alarm_gate_hear(&gate, 1, D - 1); /* an older answer that came late */
    CHECK(lets(&gate, 0, 0));
}

TEST(what_was_said_by_then_goes_first_and_what_was_said_later_does_not)
{
    struct alarm_gate gate = gate_at(D);
    hear_all(&gate, D);
    CHECK(!lets(&gate, D - 1, 0));
    CHECK(!lets(&gate, D, 0));
    CHECK(lets(&gate, D + 1, 0));
}

TEST(it_waits_no_longer_than_so_however_much_is_behind)
{
    struct alarm_gate gate = gate_at(D);
    CHECK(!lets(&gate, D - 1, GATE_MS - 1));
    CHECK(lets(&gate, D - 1, GATE_MS));
}

TEST(what_was_found_late_has_waited_already)
{
    struct alarm_gate gate = gate_at(D + SECOND_US / 2);
    CHECK(!lets(&gate, 0, GATE_MS - 501));
    CHECK(lets(&gate, 0, GATE_MS - 500));
    gate = gate_at(D + 100 * SECOND_US);
    CHECK(lets(&gate, 0, 0));
}

TEST(a_lane_that_could_not_go_on_has_not_waited)
{
    struct alarm_gate gate = gate_at(D + 100 * SECOND_US);
    alarm_gate_pass(&gate, NOW_MS - 5 * GATE_MS);
    for (int ms = 4 * GATE_MS; ms >= 0; ms -= GATE_MS) alarm_gate_pass(&gate, NOW_MS - ms);
    CHECK(lets(&gate, 0, 0));
    alarm_gate_pass(&gate, NOW_MS + GATE_MS);
    CHECK(lets(&gate, 0, GATE_MS));
    alarm_gate_pass(&gate, NOW_MS + 2 * GATE_MS + 1);
    CHECK(!lets(&gate, 0, 3 * GATE_MS));
    CHECK(lets(&gate, 0, 3 * GATE_MS + 1));
}

/* The fault of a takeover: partitions heard up to now vouched for one that nobody had read. */
TEST(with_another_partition_nothing_has_been_heard)
{
    struct alarm_gate gate = gate_at(D);
    hear_all(&gate, D + 5 * SECOND_US);
    CHECK(lets(&gate, 0, 0));
    alarm_gate_forget(&gate, NOW_MS);
    CHECK(!lets(&gate, 0, 0));
    hear_all(&gate, D + 6 * SECOND_US);
    CHECK(lets(&gate, 0, 0));
}

TEST(on_the_test_clock_nothing_is_late_and_what_waits_goes_first)
{
    struct alarm_gate gate = gate_at(0);
    CHECK(!lets(&gate, 0, GATE_MS - 1));
    CHECK(lets(&gate, 0, GATE_MS));
    CHECK(!lets(&gate, D, 100 * GATE_MS));
}
