/* form: required fields, and nothing that could be a customer's words. */
#include "test.h"

#include "routing/form.h"

#include <string.h>

static const text choices[] = {TEXT("x"), TEXT("y")};
static const struct flow_need needs[] = {
    {.name = TEXT("reason"), .type = FLOW_NEED_TEXT, .rule = TEXT("R-1")},
    {.name = TEXT("when"), .type = FLOW_NEED_TIME, .optional = true},
    {.name = TEXT("into"), .type = FLOW_NEED_ID, .optional = true},
    {.name = TEXT("who"),
     .type = FLOW_NEED_STAFF,
     .role = TEXT("supervisor"),
     .rule = TEXT("R-2"),
     .optional = true},
    {.name = TEXT("exit_reason"),
     .type = FLOW_NEED_CHOICE,
     .choices = {choices, 2},
     .optional = true},
    {.name = TEXT("calm"),
     .type = FLOW_NEED_TICK,
     .when = TEXT("agitated"),
     .rule = TEXT("CMP-10")},
    {.name = TEXT("department"), .type = FLOW_NEED_TEXT, .optional = true},
};
static const struct flow_step step = {.id = TEXT("T-1"), .needs = needs, .needs_n = COUNT(needs)};
static const struct person_row people[] = {
    {.staff = TEXT("su1"), .roles = TEXT("supervisor"), .active = true},
    {.staff = TEXT("su2"), .roles = TEXT("supervisor")},
    {.staff = TEXT("sp1"), .roles = TEXT("specialist"), .active = true},
};
static const struct note_row notes[] = {{.ticket = 7, .note = 41, .name = TEXT("reason")}};
static const struct routing_policy policy;
static const struct routing_case which;

static const struct {
    const char *what;
    struct form_value values[3];
    bool agitated;
    enum form_verdict verdict;
    const char *field, *rule;
} rows[] = {
    {"a known note", {{TEXT("reason"), TEXT("note:41")}}, false, FORM_GOOD, "", ""},
    {"a code", {{TEXT("reason"), TEXT("broken_pump-2")}}, false, FORM_GOOD, "", ""},
    {"missing", {{{0}, {0}}}, false, FORM_BAD, "reason", "R-1"},
    {"empty", {{TEXT("reason"), TEXT("")}}, false, FORM_BAD, "reason", "R-1"},
    {"words", {{TEXT("reason"), TEXT("the pump is broken")}}, false, FORM_BAD, "reason", "R-1"},
    {"words of one word in Chinese",
     {{TEXT("reason"), TEXT("漏水")}},
     false,
     FORM_BAD,
     "reason",
     "R-1"},
    {"a phone number", {{TEXT("reason"), TEXT("t13800138000")}}, false, FORM_BAD, "reason", "R-1"},
    {"a note not yet heard of", {{TEXT("reason"), TEXT("note:42")}}, false, FORM_EARLY, "", ""},
    {"no number", {{TEXT("reason"), TEXT("note:x")}}, false, FORM_BAD, "reason", "R-1"},
    {"nobody asked",
     {{TEXT("reason"), TEXT("a")}, {TEXT("more"), TEXT("b")}},
     false,
     FORM_BAD,
     "more",
     ""},
    {"a time",
     {{TEXT("reason"), TEXT("a")}, {TEXT("when"), TEXT("2026-11-22T10:00:00+08:00")}},
     false,
     FORM_GOOD,
     "",
     ""},
    {"no time",
     {{TEXT("reason"), TEXT("a")}, {TEXT("when"), TEXT("tomorrow")}},
     false,
     FORM_BAD,
     "when",
     ""},
    {"a ticket",
     {{TEXT("reason"), TEXT("a")}, {TEXT("into"), TEXT("8")}},
     false,
     FORM_GOOD,
     "",
     ""},
    {"itself",
     {{TEXT("reason"), TEXT("a")}, {TEXT("into"), TEXT("7")}},
     false,
     FORM_BAD,
     "into",
     ""},
    {"a person",
     {{TEXT("reason"), TEXT("a")}, {TEXT("who"), TEXT("su1")}},
     false,
     FORM_GOOD,
     "",
     ""},
    {"a person who left",
     {{TEXT("reason"), TEXT("a")}, {TEXT("who"), TEXT("su2")}},
     false,
     FORM_BAD,
     "who",
     "R-2"},
    {"another role",
     {{TEXT("reason"), TEXT("a")}, {TEXT("who"), TEXT("sp1")}},
     false,
     FORM_BAD,
     "who",
     "R-2"},
    {"a choice",
     {{TEXT("reason"), TEXT("a")}, {TEXT("exit_reason"), TEXT("y")}},
     false,
     FORM_GOOD,
     "",
     ""},
    {"no choice",
     {{TEXT("reason"), TEXT("a")}, {TEXT("exit_reason"), TEXT("z")}},
     false,
     FORM_BAD,
     "exit_reason",
     ""},
    {"needed only of the agitated",
     {{TEXT("reason"), TEXT("a")}},
     true,
     FORM_BAD,
     "calm",
     "CMP-10"},
    {"ticked",
     {{TEXT("reason"), TEXT("a")}, {TEXT("calm"), TEXT("true")}},
     true,
     FORM_GOOD,
     "",
     ""},
    {"not ticked",
     {{TEXT("reason"), TEXT("a")}, {TEXT("calm"), TEXT("no")}},
     true,
     FORM_BAD,
     "calm",
     "CMP-10"},
};

static struct form form_of(const struct form_value *values)
{
    size_t n = 0;
    while (n < 3 && values[n].name.len > 0) n++;
    return (struct form){.fields = {values, n},
                         .notes = {notes, COUNT(notes)},
                         .people = {people, COUNT(people)},
                         .ticket = 7,
                         .policy = &policy,
                         .which = &which};
}

TEST(forms_are_checked)
{
    text agitated = TEXT("agitated");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct form form = form_of(rows[i].values);
        struct flow_at at = {.state = TEXT("S"), .flags = {&agitated, rows[i].agitated}};
        struct err err = {0};
        test_row(rows[i].what);
        CHECK_INT(form_check(&step, &at, &form, &err), rows[i].verdict);
        if (rows[i].verdict != FORM_BAD) continue;
        CHECK_STRING(err.field, rows[i].field);
        CHECK_STRING(err.rule, rows[i].rule);
    }
    test_row(NULL);
}

TEST(values_are_kept_as_one_line)
{
    struct arena *arena = arena_create();
    const struct form_value values[3] = {{TEXT("reason"), TEXT("note:41")},
                                         {TEXT("exit_reason"), TEXT("y")}};
    struct form form = form_of(values);
    form.department = TEXT("sales");
    CHECK_TEXT(form_write(&form, arena), "reason=note:41 exit_reason=y department=sales");
    CHECK_TEXT(form_reason(&step, &form), "y");
    CHECK_TEXT(form_get(&form, TEXT("department")), "sales");
    arena_destroy(arena);
}

TEST(what_stands_outside_the_form_is_a_code_too)
{
    const struct form_value values[3] = {{TEXT("reason"), TEXT("a")}};
    static const text words[] = {TEXT("builder-1"), TEXT("the man from the third floor")};
    struct flow_at at = {.state = TEXT("S")};
    struct err err = {0};
    struct form form = form_of(values);
    form.handler = TEXT("sp1");
    form.assignees = (struct list){words, 1};
    CHECK_INT(form_check(&step, &at, &form, &err), FORM_GOOD);
    form.assignees.n = 2;
    CHECK_INT(form_check(&step, &at, &form, &err), FORM_BAD);
    CHECK_STRING(err.field, "assignees");
    form.assignees.n = 0;
    form.department = TEXT("next door");
    CHECK_INT(form_check(&step, &at, &form, &err), FORM_BAD);
    CHECK_STRING(err.field, "department");
}
