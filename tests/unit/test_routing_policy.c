/* routing_policy: what deploy/policy decides about priority, department, queue and role, and faults
   told with their place. */
#include "test.h"

#include "routing/codes.h"
#include "routing/policy.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = {
    "flows/_words.yaml", "flows/_exits.yaml",     "flows/complaint.yaml", "flows/inquiry.yaml",
    "flows/repair.yaml", "flows/suggestion.yaml", "organisation.yaml",    "routing.yaml"};

static text read_whole(const char *name, struct arena *arena)
{
    text path = arena_printf(arena, "deploy/policy/%s", name);
    FILE *file = fopen(path.at, "rb");
    if (file == NULL) test_skip(path.at);
    char *body = arena_alloc(arena, 256 * 1024);
    size_t len = fread(body, 1, 256 * 1024 - 1, file);
    fclose(file);
    return (text){body, len};
}

/* The bundle; in routing.yaml `from` is replaced by `to`, unless NULL. */
static const struct routing_policy *compile(const char *from, const char *to, struct arena *arena,
                                            struct err *err)
{
    struct policy_file files[COUNT(names)];
    for (size_t i = 0; i < COUNT(names); i++) {
        files[i] = (struct policy_file){text_of(names[i]), read_whole(names[i], arena)};
        const char *at = from == NULL || strcmp(names[i], "routing.yaml") != 0
                             ? NULL
                             : strstr(files[i].body.at, from);
        if (at == NULL) continue;
        files[i].body = arena_printf(arena, "%.*s%s%s", (int)(at - files[i].body.at),
                                     files[i].body.at, to, at + strlen(from));
    }
    return routing_policy_owner.compile(&(struct policy_files){files, COUNT(files)}, arena, err);
}

static bool is_unit(const void *ctx, text unit)
{
    return text_is(unit, ctx);
}

static const struct {
    const char *what, *kind, *topic, *flags, *unit_type, *role;
    int64_t priority;
    const char *department, *queue, *answers;
} rows[] = {
    {"complaint: no department of its own (RTE-02)", "complaint", "leak", "", "", "specialist", 2,
     "", "complaint", "specialist"},
    {"repair", "repair", "leak", "", "", "ambassador", 3, "engineering", "repair", "ambassador"},
    {"repair, any topic", "repair", "cleaning", "", "", "ambassador", 3, "property", "repair",
     "ambassador"},
    {"emergency", "repair", "leak", "emergency", "", "ambassador", 1, "engineering", "emergency",
     "ambassador"},
    {"inquiry", "inquiry", "price", "", "", "specialist", 3, "sales", "inquiry", "specialist"},
    {"repeat", "inquiry", "price", "repeat", "", "specialist", 2, "sales", "inquiry", "specialist"},
    {"suggestion", "suggestion", "product", "", "", "specialist", 4, "design", "suggestion",
     "specialist"},
    {"a department", "inquiry", "price", "", "", "department", 3, "sales", "department",
     "department"},
    {"supervisor", "complaint", "", "", "call_centre", "supervisor", 2, "", "supervisors",
     "supervisor"},
    {"supervisor of a property department (AMB-52)", "complaint", "", "", "property_department",
     "supervisor", 2, "", "supervisors", "assistant_manager"},
    {"an important customer (ORG-42)", "complaint", "", "important", "call_centre", "supervisor", 2,
     "", "supervisors", "manager"},
    {"a role no queue names", "complaint", "", "", "", "archivist", 2, "", "other", "archivist"},
};

TEST(the_bundle_decides)
{
    struct arena *arena = arena_create();
    struct err err = {0};
    const struct routing_policy *policy = compile(NULL, NULL, arena, &err);
    if (!CHECK_ROW(policy != NULL, "%s", err.message)) return;
    CHECK(policy->most_open.given);
    CHECK_INT(policy->most_open.is, 20);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct routing_case which = {text_of(rows[i].kind),
                                     text_of(rows[i].topic),
                                     {0},
                                     text_of(rows[i].flags),
                                     is_unit,
                                     is_unit,
                                     rows[i].unit_type};
        text role = text_of(rows[i].role);
        test_row(rows[i].what);
        CHECK_INT(routing_priority(policy, &which), rows[i].priority);
        CHECK_TEXT(routing_department(policy, &which), rows[i].department);
        CHECK_TEXT(routing_queue(policy, &which, role)->name, rows[i].queue);
        CHECK_TEXT(routing_stand_in(policy, &which, role), rows[i].answers);
    }
    test_row(NULL);
    CHECK(routing_counts(policy, TEXT("ambassador"), TEXT("specialist")));
    CHECK(!routing_counts(policy, TEXT("specialist"), TEXT("ambassador")));
    arena_destroy(arena);
}

static const struct {
    const char *what, *from, *to, *says;
} faults[] = {
    {"a word that is no mode", "mode: automatic", "mode: magic", "routing.yaml:"},
    {"a priority beyond four", "priority: 4}", "priority: 5}", "priority"},
    {"a key nobody knows", "per_department: true", "per_departments: true", "per_departments"},
    {"a stand-in for nothing", "{unit_type: property_department, role", "{role",
     "unit_type or flag"},
};

TEST(faults_are_told_with_their_place)
{
    for (size_t i = 0; i < COUNT(faults); i++) {
        struct arena *arena = arena_create();
        struct err err = {0};
        test_row(faults[i].what);
        CHECK(compile(faults[i].from, faults[i].to, arena, &err) == NULL);
        CHECK_HAS(text_of(err.message), "routing.yaml:");
        CHECK_HAS(text_of(err.message), faults[i].says);
        arena_destroy(arena);
    }
    test_row(NULL);
}

TEST(lists_of_names)
{
    struct arena *arena = arena_create();
    text list = names_add(names_add((text){0}, TEXT("a"), arena), TEXT("bc"), arena);
    CHECK_TEXT(list, "a,bc");
    CHECK_TEXT(names_add(list, TEXT("a"), arena), "a,bc");
    CHECK(!names_have(list, TEXT("b")));
    CHECK_TEXT(names_remove(list, TEXT("a"), arena), "bc");
    CHECK_INT(names_remove(TEXT("bc"), TEXT("bc"), arena).len, 0);
    CHECK_INT(names_split(list, arena).n, 2);
    arena_destroy(arena);
}
