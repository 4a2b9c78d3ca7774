/* choose: who takes a waiting ticket (RTE-14, RTE-27, REP-11, ORG-70). */
#include "test.h"

#include "routing/choose.h"

#include <string.h>

static const struct role_rule roles[] = {
    {TEXT("ambassador"), {&TEXT("specialist"), 1}},
    {TEXT("specialist"), {NULL, 0}},
};
static const struct queue_rule queues[] = {
    {.name = TEXT("inquiry")},
    {.name = TEXT("hand"), .manual = true},
    {.name = TEXT("other")},
};
static const struct routing_policy policy = {.queues = queues,
                                             .queues_n = COUNT(queues),
                                             .roles = roles,
                                             .roles_n = COUNT(roles),
                                             .most_open = {3, true}};

#define PERSON(code, ...)                                                                          \
    {                                                                                              \
        .staff = TEXT(code), .unit = TEXT("u"), .active = true, .on_duty = true, __VA_ARGS__       \
    }

static const struct person_row people[] = {
    PERSON("a1", .roles = TEXT("specialist"), .skills = TEXT("inquiry,complaint"), .taken = 2,
           .since = 10),
    PERSON("a2", .roles = TEXT("specialist"), .skills = TEXT("inquiry"), .taken = 4, .net = -3,
           .since = 20),
    PERSON("a3", .roles = TEXT("specialist"), .skills = TEXT("inquiry"), .taken = 1, .since = 5,
           .freed_at = 30),
    PERSON("a4", .roles = TEXT("ambassador"), .skills = TEXT("repair,title"),
           .roster = TEXT("emergency")),
    PERSON("a5", .roles = TEXT("supervisor"), .taken = 3),
    {.staff = TEXT("a6"), .unit = TEXT("u"), .active = true, .roles = TEXT("manager")},
    PERSON("a7", .roles = TEXT("assistant"), .most_open = {0, true}),
    PERSON("d1", .roles = TEXT("department"), .department = TEXT("sales")),
    PERSON("d2", .roles = TEXT("department"), .department = TEXT("design")),
};

static const struct {
    const char *what, *queue, *line, *barred, *who, *reason;
} rows[] = {
    {"least loaded, then longest idle", "inquiry", "specialist/inquiry//", "", "a2", ""},
    {"the next one, if the first is barred", "inquiry", "specialist/inquiry//", "a2", "a3", ""},
    {"skill", "inquiry", "specialist/complaint//", "", "a1", ""},
    {"a skill nobody has", "inquiry", "specialist/lift//", "", NULL, "nobody_skilled"},
    {"a role nobody has", "inquiry", "deputy_gm///", "", NULL, "nobody_skilled"},
    {"nobody there", "inquiry", "manager///", "", NULL, "nobody_on_duty"},
    {"at the limit", "inquiry", "supervisor///", "", NULL, "all_at_limit"},
    {"a limit of none at all is one", "inquiry", "assistant///", "", NULL, "all_at_limit"},
    {"everyone barred", "inquiry", "specialist/complaint//", "a1", NULL, "nobody_skilled"},
    {"by hand", "hand", "specialist///", "", NULL, "manual_queue"},
    {"department", "inquiry", "department//design/", "", "d2", ""},
    {"the 24 h roster is for emergencies alone", "inquiry", "ambassador/repair//", "", NULL,
     "nobody_on_duty"},
    {"the 24 h roster takes an emergency, trained by being there", "inquiry",
     "ambassador/emergency//emergency", "", "a4", ""},
    {"a role that counts as another", "inquiry", "specialist/title//emergency", "", "a4", ""},
};

TEST(candidates)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena *arena = arena_create();
        struct pool *pool = pool_create(&policy, (struct list){people, COUNT(people)}, 100, arena);
        const char *reason = "";
        const struct person_row *got = pool_give(
            pool, text_of(rows[i].queue), text_of(rows[i].line), text_of(rows[i].barred), &reason);
        test_row(rows[i].what);
        if (rows[i].who == NULL) {
            CHECK(got == NULL);
            CHECK_STRING(reason, rows[i].reason);
        } else if (CHECK(got != NULL)) {
            CHECK_TEXT(got->staff, rows[i].who);
        }
        arena_destroy(arena);
    }
    test_row(NULL);
}

/* Five free places in all: 3 - 2, 3 - 1 and 3 - 1. */
TEST(never_above_a_limit)
{
    struct arena *arena = arena_create();
    struct pool *pool = pool_create(&policy, (struct list){people, COUNT(people)}, 100, arena);
    const char *reason = "";
    int given = 0;
    while (pool_give(pool, TEXT("inquiry"), TEXT("specialist/inquiry//"), (text){0}, &reason) !=
           NULL)
        given++;
    CHECK_INT(given, 5);
    CHECK_STRING(reason, "all_at_limit");
    const struct person_row *changed[COUNT(people)];
    size_t n = pool_given(pool, changed, COUNT(changed));
    CHECK_INT(n, 3);
    for (size_t i = 0; i < n; i++) CHECK_INT(person_open(changed[i]), 3);
    arena_destroy(arena);
}

TEST(lines_are_read_as_written)
{
    struct arena *arena = arena_create();
    struct wanted wanted = {TEXT("department"), {0}, TEXT("sales"), true};
    text line = wanted_write(&wanted, arena);
    CHECK_TEXT(line, "department//sales/emergency");
    struct wanted got = wanted_read(line);
    CHECK_TEXT(got.role, "department");
    CHECK_INT(got.skill.len, 0);
    CHECK_TEXT(got.department, "sales");
    CHECK(got.emergency);
    arena_destroy(arena);
}
