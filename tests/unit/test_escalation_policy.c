/* What clocks.yaml and calendars/ may say: mistakes are told by file and line. */
#include "escalation/handlers.h"
#include "escalation/clock_rules.h"
#include "test.h"

#define CALENDAR(name)                                                                             \
    "name: " name "\nzone: Asia/Shanghai\nday: 9h\nhours: {mon: \"09:00-18:00\"}\n"
#define TOP "max_pause: {is: 5wd}\nwaiting: {states: [AWAITING]}\n"
#define LADDER                                                                                     \
    "ladders:\n  plain:\n    levels:\n      - {at: 50, level: 1, to: handler}\n"                   \
    "      - {at: 100, level: 2, to: supervisor}\n"
#define CLOCK(more)                                                                                \
    "clocks:\n  - {id: C, rule: R, base: natural, ladder: plain, start: [opened],"                 \
    " stop: [replied], " more "}\n"

TEST(policy)
{
    static const struct {
        const char *what;
        const char *clocks;
        const char *calendar; /* the third one */
        const char *want;     /* part of the error; NULL: it is good */
    } rows[] = {
        {"good", TOP CLOCK("limit: 2h") LADDER, CALENDAR("service"), NULL},
        {"a limit that is none", TOP CLOCK("limit: soon") LADDER, CALENDAR("service"),
         "clocks.yaml:4"},
        {"an event that is none", TOP CLOCK("limit: 2h, restart: [sunrise]") LADDER,
         CALENDAR("service"), "sunrise"},
        {"a step without its name", TOP CLOCK("limit: 2h, restart: [step]") LADDER,
         CALENDAR("service"), "clocks.yaml:4"},
        {"an unknown key", TOP CLOCK("limit: 2h, colour: red") LADDER, CALENDAR("service"),
         "colour"},
        {"a ladder without a breach",
         TOP CLOCK("limit: 2h") "ladders:\n  plain:\n    levels: [{at: 50, level: 1, to: x}]\n",
         CALENDAR("service"), "100"},
        {"a ladder that falls",
         TOP CLOCK(
             "limit: 2h") "ladders:\n  plain:\n    levels: [{at: 100, level: 1, to: x}, {at: 50,"
                          " level: 1, to: x}]\n",
         CALENDAR("service"), "rise"},
        {"a base without a calendar",
         TOP "clocks:\n  - {id: C, rule: R, base: lunar, ladder: plain, start: [opened],"
             " stop: []}\n" LADDER,
         CALENDAR("service"), "lunar"},
        {"a calendar of one unit alone", TOP CLOCK("limit: 2h") LADDER,
         CALENDAR("here") "base: service\nunits: [centre]\n", NULL},
        {"a zone that is none", TOP CLOCK("limit: 2h") LADDER,
         "name: service\nzone: Moon/Tycho\nday: 9h\nhours: {mon: \"09:00-18:00\"}\n",
         "calendars/third.yaml"},
        {"hours that are none", TOP CLOCK("limit: 2h") LADDER,
         "name: service\nzone: Asia/Shanghai\nday: 9h\nhours: {mon: \"9 to 6\"}\n",
         "calendars/third.yaml:4"},
        {"a clock twice",
         TOP CLOCK(
             "limit: 2h") "  - {id: C, rule: R, base: natural, ladder: plain, start: [opened],"
                          " stop: [replied], limit: 1h}\n" LADDER,
         CALENDAR("service"), "twice"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena *arena = arena_create();
        struct err err = {0};
        const struct policy_file files[] = {
            {TEXT("calendars/first.yaml"), TEXT(CALENDAR("natural"))},
            {TEXT("calendars/second.yaml"), TEXT(CALENDAR("business"))},
            {TEXT("calendars/third.yaml"), text_of(rows[i].calendar)},
            {TEXT("clocks.yaml"), text_of(rows[i].clocks)},
        };
        test_row(rows[i].what);
        const void *rules =
            escalation_policy.compile(&(struct policy_files){files, COUNT(files)}, arena, &err);
        if (rows[i].want == NULL) CHECK_ROW(rules != NULL, "%s", err.message);
        if (rows[i].want != NULL) CHECK(rules == NULL);
        if (rows[i].want != NULL) CHECK_HAS(text_of(err.message), rows[i].want);
        arena_destroy(arena);
    }
    test_row(NULL);
}
