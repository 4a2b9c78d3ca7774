/* limits: what values from outside may be, and what becomes of times that come from elsewhere. */
#include "data/limits.h"

#include "data/json.h"
#include "data/pack.h"
#include "test.h"

#include <stdlib.h>

struct order {
    text name, words;
    int64_t n, ticket;
    time_us at;
    struct list notes;
};
#define ORDER(name, type, flags, ...)                                                              \
    {                                                                                              \
#name, type, flags, offsetof(struct order, name), NULL, .doc = "", __VA_ARGS__             \
    }
static const struct field order_fields[] = {
    ORDER(name, FIELD_TEXT, FIELD_FILLED, .max = 6),
    ORDER(words, FIELD_TEXT, FIELD_OPTIONAL | FIELD_WORDS, .max = 8),
    ORDER(n, FIELD_INT, FIELD_OPTIONAL, .min = -2, .max = 9),
    ORDER(ticket, FIELD_ID, FIELD_OPTIONAL, .min = 1, .max = 1000),
    ORDER(at, FIELD_TIME, FIELD_OPTIONAL, .max = 0),
    ORDER(notes, FIELD_TEXT, FIELD_OPTIONAL | FIELD_LIST, .max = 3, .items = 2),
};

static struct shape shape_of(enum shape_kind kind)
{
    return (struct shape){.name = "order",
                          .kind = kind,
                          .size = sizeof(struct order),
                          .fields = order_fields,
                          .n = COUNT(order_fields),
                          .doc = ""};
}

static const struct {
    const char *given, *field, *wrong; /* NULL: nothing */
} rows[] = {
    {"{'name':'abcdef','words':'12345678','n':9,'ticket':1000,'notes':['abc','题']}", "", NULL},
    {"{'name':'a','n':-2,'ticket':1,'words':'a\\nb'}", "", NULL},
    {"{'name':'abcdefg'}", "name", "is longer than 6 bytes"},
    {"{'name':''}", "name", "is empty"},
    {"{'name':'a','words':'123456789'}", "words", "is longer than 8 bytes"},
    {"{'name':'a','words':'题题题'}", "words", "is longer than 8 bytes"},
    {"{'name':'a','n':10}", "n", "must be from -2 to 9"},
    {"{'name':'a','n':-3}", "n", "must be from -2 to 9"},
    {"{'name':'a','n':-9223372036854775808}", "n", "must be from -2 to 9"},
    {"{'name':'a','ticket':1001}", "ticket", "must be from 1 to 1000"},
    {"{'name':'a','notes':['a','b','c']}", "notes", "has more than 2 items"},
    {"{'name':'a','notes':['a','abcd']}", "notes[1]", "is longer than 3 bytes"},
    {"{'name':'a','at':'1970-01-01T00:00:00.000001Z'}", "", NULL},
    {"{'name':'a','at':'2199-12-31T23:59:59.999999Z'}", "", NULL},
    {"{'name':'a','at':'2200-01-01T00:00:00Z'}", "at", "must be a time after 1970"},
    {"{'name':'a','at':'9999-12-31T23:59:59Z'}", "at", "must be a time after 1970"},
    {"{'name':'a','at':'1970-01-01T00:00:00Z'}", "at", "must be a time after 1970"},
    {"{'name':'a','at':0}", "at", "must be a time after 1970"},
    {"{'name':'a','at':-1}", "at", "must be a time after 1970"},
    {"{'name':'a','at':-9223372036854775808}", "at", "must be a time after 1970"},
    {"{'name':'a','at':9223372036854775807}", "at", "must be a time after 1970"},
};

/* With quotes as JSON has them. */
static text quoted(const char *given, struct arena *arena)
{
    char *json = mem_string(text_of(given));
    for (char *c = json; *c != '\0'; c++)
        if (*c == '\'') *c = '"';
    text copy = arena_text(arena, text_of(json));
    arena_owns(arena, free, json);
    return copy;
}

TEST(values_from_outside_are_held_to_their_limits)
{
    enum shape_kind kinds[] = {SHAPE_COMMAND, SHAPE_QUERY, SHAPE_HEADER};
    struct arena *arena = arena_create();
    for (size_t i = 0; i < COUNT(rows) * COUNT(kinds); i++) {
        const struct shape shape = shape_of(kinds[i % COUNT(kinds)]);
        struct err err = {0};
        test_row(rows[i / COUNT(kinds)].given);
        const void *body =
            json_read(quoted(rows[i / COUNT(kinds)].given, arena), &shape, arena, &err);
        CHECK((body != NULL) == (rows[i / COUNT(kinds)].wrong == NULL));
        CHECK_STRING(err.field, rows[i / COUNT(kinds)].field);
        if (body != NULL) continue;
        CHECK_HAS(text_of(err.message), rows[i / COUNT(kinds)].field);
        CHECK_HAS(text_of(err.message), rows[i / COUNT(kinds)].wrong);
        CHECK_STRING(err.rule, LIMITS_RULE);
    }
    arena_destroy(arena);
}

TEST(what_services_say_has_no_limits_but_its_times_are_in_the_range)
{
    enum shape_kind kinds[] = {SHAPE_EVENT, SHAPE_ANSWER, SHAPE_ROW, SHAPE_STRUCT};
    struct arena *arena = arena_create();
    for (size_t i = 0; i < COUNT(rows) * COUNT(kinds); i++) {
        const struct shape shape = shape_of(kinds[i % COUNT(kinds)]);
        struct err err = {0};
        test_row(rows[i / COUNT(kinds)].given);
        const struct order *order =
            json_read(quoted(rows[i / COUNT(kinds)].given, arena), &shape, arena, &err);
        if (CHECK_ROW(order != NULL, "%s", err.message))
            CHECK(order->at == 0 || time_is_good(order->at));
    }
    arena_destroy(arena);
}

TEST(times_stay_in_their_range)
{
    static const struct {
        time_us time;
        int64_t span;
        time_us want;
    } sums[] = {
        {0, 5, 0},
        {5, 6, 11},
        {5, -4, 1},
        {5, -5, 1},
        {5, -6, 1},
        {5, INT64_MIN, 1},
        {5, INT64_MAX, TIME_END - 1},
        {TIME_END - 2, 1, TIME_END - 1},
        {TIME_END - 1, 1, TIME_END - 1},
        {INT64_MAX, INT64_MAX, TIME_END - 1},
        {INT64_MIN, INT64_MIN, 1},
    };
    for (size_t i = 0; i < COUNT(sums); i++)
        CHECK_INT(time_add(sums[i].time, sums[i].span), sums[i].want);
    CHECK_INT(time_clamp(0), 0);
    CHECK_INT(time_clamp(-1), 1);
    CHECK_INT(time_clamp(INT64_MIN), 1);
    CHECK_INT(time_clamp(INT64_MAX), TIME_END - 1);
    CHECK(!time_is_good(0) && time_is_good(1) && time_is_good(TIME_END - 1) &&
          !time_is_good(TIME_END));
}
