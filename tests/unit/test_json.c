#include "data/json.h"

#include "fill.h"
#include "probe.msg.h"
#include "test.h"

#include <string.h>

/* A shape with every type. */
struct line {
    text kind;
    int64_t n;
};
struct every {
    bool flag;
    int64_t n, ticket;
    double rate;
    text name, raw;
    time_us at;
    struct list tickets, lines;
};
static const struct field line_fields[] = {
    {"kind", FIELD_TEXT, 0, offsetof(struct line, kind), NULL, .doc = ""},
    {"n", FIELD_INT, FIELD_OPTIONAL, offsetof(struct line, n), NULL, .doc = ""},
};
static const struct shape line_shape = {
    .name = "line", .size = sizeof(struct line), .fields = line_fields, .n = 2, .doc = ""};
#define EVERY(name, type, flags, of)                                                               \
    {                                                                                              \
#name, type, FIELD_OPTIONAL | (flags), offsetof(struct every, name), of, .doc = ""         \
    }
static const struct field every_fields[] = {
    {"n", FIELD_INT, 0, offsetof(struct every, n), NULL, .doc = ""},
    EVERY(flag, FIELD_BOOL, 0, NULL),
    EVERY(ticket, FIELD_ID, 0, NULL),
    EVERY(rate, FIELD_REAL, 0, NULL),
    EVERY(name, FIELD_TEXT, 0, NULL),
    EVERY(raw, FIELD_BYTES, 0, NULL),
    EVERY(at, FIELD_TIME, 0, NULL),
    EVERY(tickets, FIELD_ID, FIELD_LIST, NULL),
    EVERY(lines, FIELD_STRUCT, FIELD_LIST, &line_shape),
};
static const struct shape every_shape = {.name = "every",
                                         .size = sizeof(struct every),
                                         .fields = every_fields,
                                         .n = COUNT(every_fields),
                                         .doc = ""};

static void check_written(const struct shape *shape, const void *body, const char *want)
{
    struct buf buf = {0};
    json_write(&buf, shape, body);
    CHECK_TEXT(buf_text(&buf), want);
    buf_finish(&buf);
}

TEST(bodies_are_written_in_the_shape_s_order)
{
    static const int64_t tickets[] = {9007199254740993, 2};
    static const struct line lines[] = {{{"a", 1}, 7}, {{"b", 1}, 0}};
    struct every every = {
        .n = -1,
        .flag = true,
        .ticket = 5,
        .rate = 0.1,
        .name = TEXT("卡\"\\\n\t\1/"),
        .raw = TEXT("\xff\0a"),
        .at = INT64_C(1795316645000000),
        .tickets = {tickets, 2},
        .lines = {lines, 2},
    };
    check_written(&every_shape, &every,
                  "{\"n\":-1,\"flag\":true,\"ticket\":5,\"rate\":0.1,"
                  "\"name\":\"卡\\\"\\\\\\n\\u0009\\u0001/\",\"raw\":\"/wBh\","
                  "\"at\":\"2026-11-22T03:04:05Z\",\"tickets\":[9007199254740993,2],"
                  "\"lines\":[{\"kind\":\"a\",\"n\":7},{\"kind\":\"b\"}]}");
    check_written(&every_shape, &(struct every){0}, "{\"n\":0}");
    check_written(
        &every_shape, &(struct every){.rate = 1e300, .raw = TEXT("ab"), .at = 1},
        "{\"n\":0,\"rate\":1e+300,\"raw\":\"YWI=\",\"at\":\"1970-01-01T00:00:00.000001Z\"}");
    check_written(&every_shape, &(struct every){.raw = TEXT("a"), .at = INT64_MAX},
                  "{\"n\":0,\"raw\":\"YQ==\",\"at\":9223372036854775807}");
    check_written(&probe_state_shape, &(struct probe_state){0},
                  "{\"key\":\"\",\"count\":0,\"last\":0,\"notes\":[]}");
}

TEST(what_people_type_is_read)
{
    struct arena *arena = arena_create();
    struct err err = {0};
    const struct every *every = json_read(
        TEXT(" { \"at\" : \"2026-11-22T11:04:05+08:00\", \"n\": 9007199254740993, \"rate\": 3,"
             " \"raw\": \"/wBh\",\n"
             "\"name\": \"\\u5361\", \"ticket\": null, \"lines\": [{\"kind\": \"x\"}],"
             " \"tickets\": [1, 2] } "),
        &every_shape, arena, &err);
    CHECK_STRING(err.message, "");
    if (CHECK(every != NULL)) {
        CHECK_INT(every->at, INT64_C(1795316645000000));
        CHECK_INT(every->n, 9007199254740993);
        CHECK(every->rate == 3);
        CHECK(text_equal(every->raw, TEXT("\xff\0a")));
        CHECK_TEXT(every->name, "卡");
        CHECK_INT((int64_t)every->tickets.n, 2);
        CHECK_INT(LIST(every->tickets, int64_t)[1], 2);
        CHECK_TEXT(LIST(every->lines, struct line)[0].kind, "x");
    }
    every = json_read(TEXT("{\"n\":1,\"at\":1795316645000001}"), &every_shape, arena, &err);
    if (CHECK(every != NULL)) CHECK_INT(every->at, INT64_C(1795316645000001));
    arena_destroy(arena);
}

TEST(what_is_wrong_is_named)
{
    static const struct {
        const char *json, *field, *error;
    } rows[] = {
        {"", "", "not JSON: line 1"},
        {"{\"n\":1}x", "", "not JSON: line 1"},
        {"{\n\"n\":}", "", "not JSON: line 2"},
        {"{\"n\":1,\"n\":2}", "", "duplicate"},
        {"{\"n\":99999999999999999999}", "", "too big"},
        {"{\"n\":1,\"name\":\"\xff\"}", "", "unable to decode byte 0xff"},
        {"{\"n\":1,\"name\":\"\\u0000\"}", "", "not JSON"},
        {"[1]", "", "the body must be a map"},
        {"{}", "n", "field n is missing"},
        {"{\"n\":1.0}", "n", "field n must be a whole number"},
        {"{\"n\":\"1\"}", "n", "field n must be a whole number"},
        {"{\"n\":1,\"flag\":1}", "flag", "field flag must be true or false"},
        {"{\"n\":1,\"ticket\":0}", "ticket", "field ticket must be a positive number"},
        {"{\"n\":1,\"rate\":\"x\"}", "rate", "field rate must be a number"},
        {"{\"n\":1,\"name\":1}", "name", "field name must be text"},
        {"{\"n\":1,\"raw\":\"abc\"}", "raw", "field raw must be base64"},
        {"{\"n\":1,\"raw\":\"ab!=\"}", "raw", "field raw must be base64"},
        {"{\"n\":1,\"raw\":\"=abc\"}", "raw", "field raw must be base64"},
        {"{\"n\":1,\"raw\":\"YR==\"}", "raw", "field raw must be base64"},
        {"{\"n\":1,\"raw\":\"====\"}", "raw", "field raw must be base64"},
        {"{\"n\":1,\"at\":\"2026-11-22\"}", "at", "field at must be a time such as"},
        {"{\"n\":1,\"at\":true}", "at", "field at must be a time"},
        {"{\"n\":1,\"tickets\":1}", "tickets", "field tickets must be a list"},
        {"{\"n\":1,\"tickets\":[1,-1]}", "tickets[1]",
         "field tickets[1] must be a positive number"},
        {"{\"n\":1,\"nmae\":\"x\"}", "nmae", "field nmae is not known"},
        {"{\"n\":1,\"lines\":[{\"kind\":\"a\"},{\"kind\":\"b\",\"m\":1}]}", "lines[1].m",
         "field lines[1].m is not known"},
        {"{\"n\":1,\"lines\":[{}]}", "lines[0].kind", "field lines[0].kind is missing"},
    };
    struct arena *arena = arena_create();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err err = {0};
        test_row(rows[i].json);
        CHECK(json_read(text_of(rows[i].json), &every_shape, arena, &err) == NULL);
        CHECK_HAS(text_of(err.message), rows[i].error);
        CHECK_STRING(err.field, rows[i].field);
    }
    arena_destroy(arena);
}

TEST(times_both_ways)
{
    static const struct {
        const char *iso;
        time_us time;
        const char *written; /* NULL: as read */
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0, NULL},
        {"1969-12-31T23:59:59.999999Z", -1, NULL},
        {"2000-02-29T12:00:00Z", INT64_C(951825600000000), NULL},
        {"2026-11-22T03:04:05Z", INT64_C(1795316645000000), NULL},
        {"2026-11-22T11:04:05+08:00", INT64_C(1795316645000000), "2026-11-22T03:04:05Z"},
        {"2026-11-21T22:34:05-04:30", INT64_C(1795316645000000), "2026-11-22T03:04:05Z"},
        {"2026-11-22T03:04:05.5Z", INT64_C(1795316645500000), "2026-11-22T03:04:05.500000Z"},
        {"2026-11-22T03:04:05.000007Z", INT64_C(1795316645000007), NULL},
        {"0001-01-01T00:00:00Z", INT64_C(-62135596800000000), NULL},
        {"9999-12-31T23:59:59.999999Z", INT64_C(253402300799999999), NULL},
        {"1900-03-01T00:00:00Z", INT64_C(-2203891200000000), NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf buf = {0};
        time_us time = 1;
        test_row(rows[i].iso);
        CHECK(json_time(text_of(rows[i].iso), &time));
        CHECK_INT(time, rows[i].time);
        json_add_time(&buf, time);
        CHECK_TEXT(buf_text(&buf), rows[i].written == NULL ? rows[i].iso : rows[i].written);
        buf_finish(&buf);
    }
}

TEST(times_that_are_none)
{
    static const char *const rows[] = {
        "",
        "2026",
        "2026-11-22",
        "2026-11-22T03:04:05",
        "2026-11-22 03:04:05Z",
        "2026-11-22T03:04:05z",
        "2026-11-22T03:04Z",
        "2026-11-22T03:04:05ZZ",
        "2026-11-22T03:04:05.Z",
        "2026-11-22T03:04:05.1234567Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T03:60:05Z",
        "2026-11-22T03:04:60Z",
        "2026-13-22T03:04:05Z",
        "2026-00-22T03:04:05Z",
        "2026-11-31T03:04:05Z",
        "2026-02-29T03:04:05Z",
        "1900-02-29T03:04:05Z",
        "2026-11-00T03:04:05Z",
        "0000-11-22T03:04:05Z",
        "2026-11-22T03:04:05+0800",
        "2026-11-22T03:04:05+24:00",
        "2026-11-22T03:04:05+08:60",
        "2026-11-22T03:04:05+08:00Z",
        "-026-11-22T03:04:05Z",
        "2026-1-22T03:04:05Z",
        "+2026-11-22T03:04:05Z",
        " 2026-11-22T03:04:05Z",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        time_us time;
        CHECK_ROW(!json_time(text_of(rows[i]), &time), "'%s' was taken for a time", rows[i]);
    }
}

TEST(every_day_of_many_years_comes_back)
{
    struct buf buf = {0};
    int bad = 0;
    for (time_us time = INT64_C(-62135596800000000) + 1; time < INT64_C(253402300800000000);
         time += 37 * DAY_US) {
        time_us again = 0;
        buf_clear(&buf);
        json_add_time(&buf, time);
        bad += !json_time(buf_text(&buf), &again) || again != time;
    }
    CHECK_INT(bad, 0);
    json_add_time(&buf, INT64_MIN); /* must not overflow */
    json_add_time(&buf, INT64_MAX);
    buf_finish(&buf);
}

TEST(every_shape_comes_back_as_it_was)
{
    uint64_t state = 4;
    for (size_t i = 0; i < shape_all_n * 10; i++) {
        const struct shape *shape = shape_all[i / 10];
        struct arena *arena = arena_create();
        struct buf once = {0}, twice = {0};
        struct err err = {0};
        test_row(shape->name);
        void *body = fill_body(shape, &state, arena);
        json_write(&once, shape, body);
        void *read = json_read(buf_text(&once), shape, arena, &err);
        if (CHECK_ROW(read != NULL, "%s", err.message)) {
            const char *different = fill_difference(shape, body, read);
            CHECK_ROW(different == NULL, "field %s changed", different);
            json_write(&twice, shape, read);
            CHECK(text_equal(buf_text(&once), buf_text(&twice)));
        }
        buf_finish(&once);
        buf_finish(&twice);
        arena_destroy(arena);
    }
}

TEST(damaged_json_is_read_or_refused)
{
    uint64_t state = 5;
    for (int round = 0; round < 5000; round++) {
        const struct shape *shape = shape_all[fill_random(&state) % shape_all_n];
        struct arena *arena = arena_create();
        struct buf buf = {0};
        struct err err = {0};
        json_write(&buf, shape, fill_body(shape, &state, arena));
        for (uint64_t n = 1 + fill_random(&state) % 3; n > 0; n--)
            buf.at[fill_random(&state) % buf.len] = "{}[]\",:0e-\\\xff"[fill_random(&state) % 12];
        bool read = json_read(buf_text(&buf), shape, arena, &err) != NULL;
        CHECK_ROW(read || err.message[0] != '\0', "round %d: refused without a word", round);
        buf_finish(&buf);
        arena_destroy(arena);
    }
    struct buf deep = {0};
    struct err err = {0};
    struct arena *arena = arena_create();
    for (int i = 0; i < 100000; i++) buf_add_char(&deep, '[');
    CHECK(json_read(buf_text(&deep), &every_shape, arena, &err) == NULL);
    CHECK_HAS(text_of(err.message), "depth");
    arena_destroy(arena);
    buf_finish(&deep);
}
