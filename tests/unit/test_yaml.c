/* yaml: what is read, what is refused and where, the latch, and lengths of time. */
#include "test.h"
#include "data/yaml.h"
#include "base/buf.h"

static const struct refused_row {
    const char *what, *given, *want;
} refused[] = {
    {"empty", "", "x.yaml:1: the file is empty"},
    {"duplicate key", "a: 1\nb: 2\na: 3\n", "x.yaml:3: a: stands twice (first on line 1)"},
    {"nested duplicate", "a:\n  b: 1\n  b: 2\n", "x.yaml:3: b: stands twice"},
    {"duplicate in flow style", "a: {b: 1, b: 2}\n", "x.yaml:1: b: stands twice"},
    {"anchor", "a: &x 1\n", "x.yaml:1: anchors and aliases"},
    {"alias", "a: 1\nb: *x\n", "x.yaml:2: anchors and aliases"},
    {"anchor on a map", "a: &x {b: 1}\n", "x.yaml:1: anchors and aliases"},
    {"merge key", "a: 1\nb:\n  <<: *a\n", "x.yaml:3: anchors and aliases"},
    {"tag", "a: !!str 1\n", "x.yaml:1: tags"},
    {"two documents", "a: 1\n---\nb: 2\n", "x.yaml:2: more than one document"},
    {"a list as key", "[a, b]: 1\n", "x.yaml:1: a key must be a word"},
    {"an empty key", "? \n: 1\n", "x.yaml:1: a key must be a word"},
    {"not closed", "a: [1, 2\n", "x.yaml:2: "},
    {"tab as indent", "a:\n\tb: 1\n", "x.yaml:2: "},
    {"not UTF-8", "a: \xff\n", "x.yaml:1: is not UTF-8"},
    {"escaped NUL", "a: \"x\\0y\"\n", "x.yaml:1: a NUL character"},
};

TEST(yaml_refuses)
{
    for (size_t i = 0; i < COUNT(refused); i++) {
        test_row(refused[i].what);
        struct arena *arena = arena_create();
        struct err err = {0};
        const struct yaml *top = yaml_read(text_of(refused[i].given), "x.yaml", arena, &err);
        CHECK(top == NULL);
        CHECK_HAS(text_of(err.message), refused[i].want);
        arena_destroy(arena);
    }
    test_row(NULL);
}

/* `n` times `part`, for what is too deep or too much. */
static const struct yaml *read_repeated(const char *part, size_t n, struct arena *arena,
                                        struct err *err)
{
    struct buf body = {0};
    for (size_t i = 0; i < n; i++) buf_printf(&body, part, (int)i);
    const struct yaml *top = yaml_read(buf_text(&body), "x.yaml", arena, err);
    buf_finish(&body);
    return top;
}

TEST(yaml_is_bounded)
{
    struct arena *arena = arena_create();
    struct err err = {0};
    CHECK(read_repeated("[", YAML_DEPTH + 1, arena, &err) == NULL);
    CHECK_HAS(text_of(err.message), "nested too deeply");
    CHECK(read_repeated("[", 200000, arena, &err) == NULL);
    CHECK_HAS(text_of(err.message), "nested too deeply");
    CHECK(read_repeated("- %d\n", YAML_NODES + 1, arena, &err) == NULL);
    CHECK_HAS(text_of(err.message), "too many values");
    CHECK(read_repeated("k%d: 1\n", YAML_KEYS + 1, arena, &err) == NULL);
    CHECK_HAS(text_of(err.message), "too many keys");
    CHECK(read_repeated("#%0100d\n", 6000, arena, &err) == NULL);
    CHECK_HAS(text_of(err.message), "larger than");
    CHECK(read_repeated("k%d: 1\n", YAML_KEYS, arena, &err) != NULL);
    arena_destroy(arena);
}

static const char sample[] = "on: no\n"
                             "name: \"2026-01-01\"\n"
                             "n: 12\n"
                             "share: 0.5\n"
                             "sure: true\n"
                             "none: ~\n"
                             "many: [a, b]\n"
                             "one: a\n"
                             "limit: 3wd\n"
                             "mode: manual\n"
                             "inner:\n"
                             "  zh: 客服\n";

static const char *const modes[] = {"automatic", "manual", NULL};

TEST(yaml_fetches)
{
    struct arena *arena = arena_create();
    struct err err = {0};
    struct yaml_reader reader = {.err = &err};
    const struct yaml *top = yaml_read(TEXT(sample), "x.yaml", arena, &err);
    CHECK(top != NULL && top->n == 11);
    CHECK_TEXT(yaml_text(&reader, top, "on"), "no");
    CHECK_TEXT(yaml_text(&reader, top, "name"), "2026-01-01");
    CHECK_INT(yaml_int(&reader, top, "n", 1, 12), 12);
    CHECK(yaml_real(&reader, top, "share") == 0.5);
    CHECK(yaml_bool_or(&reader, top, "sure", false));
    CHECK(yaml_get(top, "none") == NULL);
    CHECK_INT((int64_t)yaml_texts(&reader, top, "many", arena).n, 2);
    CHECK_TEXT(yaml_texts(&reader, top, "one", arena).at[0], "a");
    CHECK_INT((int64_t)yaml_texts(&reader, top, "absent", arena).n, 0);
    CHECK_INT(yaml_span(&reader, top, "limit").unit, SPAN_WORKING_DAYS);
    CHECK_INT(yaml_choice(&reader, top, "mode", modes), 1);
    CHECK_INT(yaml_choice_or(&reader, top, "absent", modes, 0), 0);
    const struct yaml *inner = yaml_map(&reader, top, "inner");
    CHECK_TEXT(yaml_text(&reader, inner, "zh"), "客服");
    CHECK_INT(yaml_get(inner, "zh")->line, 12);
    CHECK(!reader.failed);
    arena_destroy(arena);
}

static void fetch_absent(struct yaml_reader *reader, const struct yaml *top)
{
    yaml_text(reader, yaml_map(reader, top, "inner"), "en");
}
static void fetch_range(struct yaml_reader *reader, const struct yaml *top)
{
    yaml_int(reader, top, "n", 1, 11);
}
static void fetch_number(struct yaml_reader *reader, const struct yaml *top)
{
    yaml_real(reader, top, "one");
}
static void fetch_kind(struct yaml_reader *reader, const struct yaml *top)
{
    yaml_list(reader, top, "one");
}
static void fetch_span(struct yaml_reader *reader, const struct yaml *top)
{
    yaml_span(reader, top, "n");
}
static void fetch_choice(struct yaml_reader *reader, const struct yaml *top)
{
    yaml_choice(reader, top, "one", modes);
}
static void fetch_bool(struct yaml_reader *reader, const struct yaml *top)
{
    yaml_bool_or(reader, top, "on", false);
}
static void fetch_only(struct yaml_reader *reader, const struct yaml *top)
{
    yaml_only(reader, yaml_map(reader, top, "inner"), (const char *[]){"en", NULL});
}
static void fetch_two(struct yaml_reader *reader, const struct yaml *top)
{
    yaml_int(reader, top, "one", 0, 9);
    yaml_text(reader, top, "absent"); /* the first fault stays */
}

static const struct fault_row {
    const char *what;
    void (*fetch)(struct yaml_reader *reader, const struct yaml *top);
    const char *want;
} faults[] = {
    {"absent", fetch_absent, "x.yaml:11: inner: en is missing"},
    {"out of range", fetch_range, "x.yaml:3: n: must be a whole number from 1 to 11"},
    {"no number", fetch_number, "x.yaml:8: one: must be a number"},
    {"wrong kind", fetch_kind, "x.yaml:8: one: must be a list"},
    {"no span", fetch_span, "x.yaml:3: n: must be a length of time"},
    {"no choice", fetch_choice, "x.yaml:8: one: a is none of: automatic, manual"},
    {"no bool", fetch_bool, "x.yaml:1: on: no is none of: false, true"},
    {"unknown key", fetch_only, "x.yaml:12: zh: is not a known key here"},
    {"latch", fetch_two, "x.yaml:8: one: must be a whole number"},
};

TEST(yaml_tells_faults)
{
    for (size_t i = 0; i < COUNT(faults); i++) {
        test_row(faults[i].what);
        struct arena *arena = arena_create();
        struct err err = {0};
        struct yaml_reader reader = {.err = &err};
        faults[i].fetch(&reader, yaml_read(TEXT(sample), "x.yaml", arena, &err));
        CHECK(reader.failed);
        CHECK_HAS(text_of(err.message), faults[i].want);
        arena_destroy(arena);
    }
    test_row(NULL);
}

static const struct span_row {
    const char *given;
    int64_t n;
    enum span_unit unit;
    time_us natural;
} spans[] = {
    {"30s", 30, SPAN_SECONDS, 30 * SECOND_US},
    {"15min", 15, SPAN_MINUTES, 15 * MINUTE_US},
    {"24h", 24, SPAN_HOURS, DAY_US},
    {"7d", 7, SPAN_DAYS, 7 * DAY_US},
    {"4wh", 4, SPAN_WORKING_HOURS, 0},
    {"3wd", 3, SPAN_WORKING_DAYS, 0},
    {"", 0, SPAN_NONE, 0},
    {"3", 0, SPAN_NONE, 0},
    {"h", 0, SPAN_NONE, 0},
    {"0h", 0, SPAN_NONE, 0},
    {"-1h", 0, SPAN_NONE, 0},
    {"2 h", 0, SPAN_NONE, 0},
    {"100001h", 0, SPAN_NONE, 0},
    {"9999999999999999999999h", 0, SPAN_NONE, 0},
};

TEST(spans)
{
    for (size_t i = 0; i < COUNT(spans); i++) {
        test_row(spans[i].given);
        struct span span = {0};
        CHECK(span_parse(text_of(spans[i].given), &span) == (spans[i].n > 0));
        CHECK_INT(span.n, spans[i].n);
        CHECK_INT(span.unit, spans[i].unit);
        CHECK_INT(span_natural(span), spans[i].natural);
    }
    test_row(NULL);
}
