/* organisation: roles and their other names, types, and the tree of units. */
#include "test.h"

#include "base/arena.h"
#include "workforce/organisation.h"

static const struct organisation *shipped(struct arena *arena)
{
    struct policy_files files;
    struct err err;
    CHECK(policy_read("deploy/policy", &organisation_owner, arena, &files, &err) == 0);
    const struct organisation *organisation = organisation_owner.compile(&files, arena, &err);
    CHECK_ROW(organisation != NULL, "%s", err.message);
    return organisation;
}

TEST(roles_by_any_name)
{
    static const struct {
        const char *name, *want;
    } rows[] = {
        {"specialist", "specialist"},
        {"客服代表", "specialist"},
        {"agent", "specialist"},
        {"客户大使", "ambassador"},
        {"呼叫中心经理", "manager"},
        {"king", NULL},
        {"", NULL},
    };
    struct arena *arena = arena_create();
    const struct organisation *organisation = shipped(arena);
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK_TEXT(organisation_role(organisation, text_of(rows[i].name)), rows[i].want);
    CHECK(organisation_has_type(organisation, TEXT("team")) &&
          organisation_has_type(organisation, TEXT("skill_group")));
    CHECK(!organisation_has_type(organisation, TEXT("tower")));
    arena_destroy(arena);
}

TEST(departments)
{
    static const struct workforce_unit_row stored[] = {
        {.unit = TEXT("night"), .parent = TEXT("call-agents"), .type = TEXT("team")},
        {.unit = TEXT("title"),
         .parent = TEXT("engineering"),
         .type = TEXT("team")}, /* moved from where the policy has it */
        {.unit = TEXT("alone"), .type = TEXT("team")},
        {.unit = TEXT("loop"), .parent = TEXT("noose"), .type = TEXT("team")},
        {.unit = TEXT("noose"), .parent = TEXT("loop"), .type = TEXT("team")},
    };
    static const struct {
        const char *unit, *want;
    } rows[] = {
        {"night", "call"},        {"call", "call"},
        {"title", "engineering"}, {"signing", "property-service"},
        {"company", NULL},        {"alone", NULL},
        {"loop", NULL},           {"nowhere", NULL},
    };
    struct arena *arena = arena_create();
    struct unit_tree tree = {shipped(arena), {stored, COUNT(stored)}};
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK_TEXT(unit_department(&tree, text_of(rows[i].unit)), rows[i].want);
    CHECK(unit_is_under(&tree, TEXT("night"), TEXT("group")) &&
          !unit_is_under(&tree, TEXT("call"), TEXT("night")));
    CHECK(!unit_is_under(&tree, TEXT("loop"), TEXT("group")));
    arena_destroy(arena);
}

TEST(faulty_files)
{
#define TYPES "unit_types: {team: {level: 5}}\n"
#define ROLES "roles: {a: {zh: x, en: x}}\n"
    static const struct {
        const char *body, *why;
    } rows[] = {
        {TYPES ROLES "units: [{id: u, type: tower, zh: x, en: x}]\n", "unknown type tower"},
        {TYPES ROLES "units: [{id: u, type: team, under: v, zh: x, en: x}]\n", "is under v"},
        {TYPES ROLES
         "units: [{id: u, type: team, zh: x, en: x}, {id: u, type: team, zh: x, en: x}]\n",
         "twice"},
        {TYPES "roles: {a: {aliases: [x]}, b: {aliases: [x]}}\nunits: []\n", "belongs to a"},
        {TYPES "roles: {a: {aliases: [b]}, b: {en: x}}\nunits: []\n", "alias of another"},
        {ROLES "units: []\n", "unit_types"},
    };
    struct arena *arena = arena_create();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct policy_file file = {TEXT("organisation.yaml"), text_of(rows[i].body)};
        struct err err = {0};
        test_row(rows[i].why);
        CHECK(organisation_owner.compile(&(struct policy_files){&file, 1}, arena, &err) == NULL);
        CHECK_HAS(text_of(err.message), rows[i].why);
    }
    arena_destroy(arena);
}

TEST(codes)
{
    struct arena *arena = arena_create();
    text codes[] = {TEXT("a"), TEXT("b-2")};
    CHECK_TEXT(codes_join(codes, 2, arena), "a,b-2");
    CHECK(codes_join(codes, 0, arena).at == NULL);
    struct list split = codes_split(TEXT("a,b-2"), arena);
    CHECK_INT((int64_t)split.n, 2);
    CHECK_TEXT(LIST(split, text)[1], "b-2");
    CHECK(code_good(TEXT("客服-1")) && !code_good(TEXT("a b")) && !code_good(TEXT("a,b")) &&
          !code_good(TEXT("")));
    arena_destroy(arena);
}
