/* Quiet hours (NTF-01 to NTF-03, SLA-32): boundaries to the second, other zones, changes of the
   clocks. */
#include "notification/quiet.h"

#include "base/arena.h"
#include "data/json.h"
#include "test.h"

static const struct quiet seed = {
    .windows = {{12 * 3600, 14 * 3600}, {21 * 3600, 8 * 3600}}, .n = 2, .spread = 10 * MINUTE_US};

static time_us at(const char *iso)
{
    time_us time = 0;
    CHECK_ROW(json_time(text_of(iso), &time), "%s is no time", iso);
    return time;
}

static const struct zone *zone_named(const char *name)
{
    static struct zone *zones[64]; /* for the time of the test */
    static size_t n;
    struct err err;
    zones[n] = zone_load(text_of(name), &err);
    CHECK_ROW(zones[n] != NULL, "%s: %s", name, zones[n] == NULL ? err.message : "");
    return zones[n++];
}

static const struct {
    const char *what, *zone, *given;
    bool quiet;
    const char *end;
} boundaries[] = {
    {"a second before noon", "Asia/Shanghai", "2026-03-04T11:59:59+08:00", false,
     "2026-03-04T11:59:59+08:00"},
    {"noon", "Asia/Shanghai", "2026-03-04T12:00:00+08:00", true, "2026-03-04T14:00:00+08:00"},
    {"the last second of noon", "Asia/Shanghai", "2026-03-04T13:59:59+08:00", true,
     "2026-03-04T14:00:00+08:00"},
    {"its last microsecond", "Asia/Shanghai", "2026-03-04T13:59:59.999999+08:00", true,
     "2026-03-04T14:00:00+08:00"},
    {"two", "Asia/Shanghai", "2026-03-04T14:00:00+08:00", false, "2026-03-04T14:00:00+08:00"},
    {"a second before nine", "Asia/Shanghai", "2026-03-04T20:59:59+08:00", false,
     "2026-03-04T20:59:59+08:00"},
    {"nine", "Asia/Shanghai", "2026-03-04T21:00:00+08:00", true, "2026-03-05T08:00:00+08:00"},
    {"midnight", "Asia/Shanghai", "2026-03-05T00:00:00+08:00", true, "2026-03-05T08:00:00+08:00"},
    {"a second before eight", "Asia/Shanghai", "2026-03-05T07:59:59+08:00", true,
     "2026-03-05T08:00:00+08:00"},
    {"eight", "Asia/Shanghai", "2026-03-05T08:00:00+08:00", false, "2026-03-05T08:00:00+08:00"},
    {"weekends are no exception", "Asia/Shanghai", "2026-03-07T12:30:00+08:00", true,
     "2026-03-07T14:00:00+08:00"},
    {"the customer's noon counts", "America/New_York", "2026-03-04T12:30:00-05:00", true,
     "2026-03-04T14:00:00-05:00"},
    {"Shanghai's noon is no noon there", "Europe/Berlin", "2026-03-04T12:30:00+08:00", true,
     "2026-03-04T08:00:00+01:00"},
    {"half an hour off", "Asia/Kolkata", "2026-03-04T13:59:59+05:30", true,
     "2026-03-04T14:00:00+05:30"},
    {"a night of seven hours' less one", "Europe/Berlin", "2026-03-28T22:00:00+01:00", true,
     "2026-03-29T08:00:00+02:00"},
    {"a night with an hour more", "Europe/Berlin", "2026-10-24T22:00:00+02:00", true,
     "2026-10-25T08:00:00+01:00"},
    {"the repeated hour", "America/New_York", "2026-11-01T01:30:00-04:00", true,
     "2026-11-01T08:00:00-05:00"},
    {"before 1970", "Asia/Shanghai", "1969-12-31T12:00:00.5+08:00", true,
     "1969-12-31T14:00:00+08:00"},
};

TEST(windows_are_half_open_in_the_customers_time)
{
    for (size_t i = 0; i < COUNT(boundaries); i++) {
        const struct zone *zone = zone_named(boundaries[i].zone);
        time_us given = at(boundaries[i].given);
        test_row(boundaries[i].what);
        CHECK(quiet_is(&seed, zone, given) == boundaries[i].quiet);
        CHECK_INT(quiet_end(&seed, zone, given), at(boundaries[i].end));
    }
    test_row(NULL);
}

/* A window whose end the wall clock skips, or shows twice. */
TEST(ends_inside_a_change_of_the_clocks)
{
    const struct quiet odd = {.windows = {{3600, 9000}}, .n = 1}; /* 01:00 to 02:30 */
    const struct zone *berlin = zone_named("Europe/Berlin");
    CHECK_INT(quiet_end(&odd, berlin, at("2026-03-29T01:30:00+01:00")),
              at("2026-03-29T03:00:00+02:00"));
    CHECK_INT(quiet_end(&odd, berlin, at("2026-10-25T01:30:00+02:00")),
              at("2026-10-25T02:30:00+02:00"));
    CHECK(quiet_is(&odd, berlin, at("2026-10-25T02:00:00+01:00")));
}

TEST(windows_that_cover_the_day_have_no_end)
{
    const struct quiet all = {.windows = {{0, 12 * 3600}, {12 * 3600, 0}}, .n = 2};
    CHECK_INT(quiet_end(&all, zone_named("Asia/Shanghai"), at("2026-03-04T10:00:00Z")), -1);
}

TEST(what_was_held_goes_out_in_order_and_spread)
{
    const struct zone *zone = zone_named("Asia/Shanghai");
    time_us begin = at("2026-03-04T21:00:00+08:00"), end = at("2026-03-05T08:00:00+08:00"),
            last = 0;
    CHECK_INT(quiet_release(&seed, zone, begin), end);
    CHECK_INT(quiet_release(&seed, zone, at("2026-03-05T02:30:00+08:00")), end + 5 * MINUTE_US);
    for (time_us t = begin; t < end; t += 7 * MINUTE_US) {
        time_us release = quiet_release(&seed, zone, t);
        CHECK(release > last && release >= end && release < end + seed.spread);
        last = release;
    }
    CHECK_INT(quiet_release(&seed, zone, end), end);
}

static const struct {
    const char *what, *now, *wish, *deadline, *want;
} calls[] = {
    {"at once", "2026-03-04T10:00:00+08:00", NULL, NULL, "2026-03-04T10:00:00+08:00"},
    {"a wish in the past", "2026-03-04T10:00:00+08:00", "2026-03-04T09:00:00+08:00", NULL,
     "2026-03-04T10:00:00+08:00"},
    {"a wish at noon waits", "2026-03-04T10:00:00+08:00", "2026-03-04T12:00:00+08:00", NULL,
     "2026-03-04T14:00:00+08:00"},
    {"the deadline brings it forward", "2026-03-04T10:00:00+08:00", "2026-03-04T12:00:00+08:00",
     "2026-03-04T13:00:00+08:00", "2026-03-04T10:00:00+08:00"},
    {"a deadline after it does not", "2026-03-04T10:00:00+08:00", "2026-03-04T12:00:00+08:00",
     "2026-03-04T15:00:00+08:00", "2026-03-04T14:00:00+08:00"},
    {"never into quiet hours", "2026-03-04T21:00:00+08:00", NULL, "2026-03-04T22:00:00+08:00",
     "2026-03-05T08:00:00+08:00"},
};

TEST(calls_are_brought_forward_for_a_deadline_in_quiet_hours)
{
    const struct zone *zone = zone_named("Asia/Shanghai");
    for (size_t i = 0; i < COUNT(calls); i++) {
        time_us now = at(calls[i].now);
        time_us wish = calls[i].wish == NULL ? 0 : at(calls[i].wish);
        time_us deadline = calls[i].deadline == NULL ? 0 : at(calls[i].deadline);
        test_row(calls[i].what);
        CHECK_INT(quiet_plan_call(&seed, zone, now, wish, deadline), at(calls[i].want));
    }
    test_row(NULL);
}

static const struct {
    const char *given;
    int32_t want; /* -1: refused */
} clocks[] = {{"12:00", 43200},    {"08:30:15", 30615}, {"00:00", 0}, {"24:00", 0}, {"24:01", -1},
              {"25:00", -1},       {"12:60", -1},       {"9:00", -1}, {"12", -1},   {"", -1},
              {"12:00:00:00", -1}, {"-1:00", -1},       {"ab:cd", -1}};

TEST(clock_times_are_read_strictly)
{
    for (size_t i = 0; i < COUNT(clocks); i++) {
        int32_t second = -1;
        bool good = quiet_parse(text_of(clocks[i].given), &second);
        CHECK_ROW(good == (clocks[i].want >= 0) && (!good || second == clocks[i].want), "%s",
                  clocks[i].given);
    }
}
