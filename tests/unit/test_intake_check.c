/* check: what a contact must tell (INT-02, INT-03, INT-10, INT-14, INT-15, REP-09, REP-11). */
#include "test.h"

#include "base/arena.h"
#include "intake/check.h"
#include "policy/bundle.h"

enum { NOW = 1000000000 };

static const struct intake_policy *policy(struct arena *arena)
{
    struct policy_files files;
    struct err err;
    CHECK(policy_read("deploy/policy", &intake_policy_owner, arena, &files, &err) == 0);
    const struct intake_policy *compiled = intake_policy_owner.compile(&files, arena, &err);
    CHECK_ROW(compiled != NULL, "%s", err.message);
    return compiled;
}

#define BASE .source = TEXT("pbx"), .source_id = TEXT("1"), .channel = TEXT("call")
#define NAMED .customer_name = TEXT("n"), .phone = TEXT("13800000000")
#define SAID .words = TEXT("w")

static const struct {
    const char *what;
    struct contact_record contact;
    struct contact_item item;
    const char *field, *rule; /* NULL: it is taken in */
    const char *recorder;
} rows[] = {
    {"an inquiry", {BASE, NAMED}, {.kind = TEXT("inquiry"), SAID}, NULL, NULL, ""},
    {"an inquiry without a name",
     {BASE, .phone = TEXT("13800000000")},
     {.kind = TEXT("inquiry"), SAID},
     "customer_name",
     "INT-02",
     ""},
    {"an inquiry with a blank name",
     {BASE, .customer_name = TEXT(" \u3000\u00a0\u2003"), .phone = TEXT("13800000000")},
     {.kind = TEXT("inquiry"), SAID},
     "customer_name",
     "INT-02",
     ""},
    {"an inquiry without a contact method",
     {BASE, .customer_name = TEXT("n")},
     {.kind = TEXT("inquiry"), SAID},
     "phone",
     "INT-02",
     ""},
    {"an e-mail address will do",
     {BASE, .customer_name = TEXT("n"), .email = TEXT("a@b.c")},
     {.kind = TEXT("inquiry"), SAID},
     NULL,
     NULL,
     ""},
    {"an inquiry about nothing",
     {BASE, NAMED},
     {.kind = TEXT("inquiry")},
     "items[0].words",
     "INT-02",
     ""},
    {"a complaint",
     {BASE, .phone = TEXT("13800000000")},
     {.kind = TEXT("complaint"), SAID, .expected = TEXT("e")},
     NULL,
     NULL,
     ""},
    {"a complaint without a matter",
     {BASE, NAMED},
     {.kind = TEXT("complaint"), .expected = TEXT("e")},
     "items[0].words",
     "INT-03",
     ""},
    {"a complaint that expects nothing",
     {BASE, NAMED},
     {.kind = TEXT("complaint"), SAID},
     "items[0].expected",
     "INT-03",
     ""},
    {"a complaint without a contact method",
     {BASE},
     {.kind = TEXT("complaint"), SAID, .expected = TEXT("e")},
     "phone",
     "INT-03",
     ""},
    {"a suggestion",
     {BASE},
     {.kind = TEXT("suggestion"), SAID, .category = TEXT("service")},
     NULL,
     NULL,
     ""},
    {"a suggestion of nothing",
     {BASE},
     {.kind = TEXT("suggestion")},
     "items[0].words",
     "INT-21",
     ""},
    {"an unknown category",
     {BASE},
     {.kind = TEXT("suggestion"), SAID, .category = TEXT("leak")},
     "items[0].category",
     "INT-36",
     ""},
    {"a repair",
     {BASE, .address = TEXT("7-2-901")},
     {.kind = TEXT("repair"), SAID},
     NULL,
     NULL,
     ""},
    {"a repair somewhere in a project",
     {BASE, .project = TEXT("p1")},
     {.kind = TEXT("repair"), SAID},
     NULL,
     NULL,
     ""},
    {"a repair nowhere", {BASE, NAMED}, {.kind = TEXT("repair"), SAID}, "address", "REP-09", ""},
    {"a repair of nothing",
     {BASE, .address = TEXT("x")},
     {.kind = TEXT("repair")},
     "items[0].words",
     "REP-09",
     ""},
    {"an unknown kind", {BASE, NAMED}, {.kind = TEXT("wish"), SAID}, "items[0].kind", "INT-34", ""},
    {"a topic of another kind",
     {BASE, .address = TEXT("x")},
     {.kind = TEXT("repair"), .topic = TEXT("fee"), SAID},
     "items[0].topic",
     "INT-67",
     ""},
    {"an unknown class",
     {BASE, .address = TEXT("x")},
     {.kind = TEXT("repair"), .class = TEXT("urgent"), SAID},
     "items[0].class",
     "REP-11",
     ""},
    {"an unknown danger",
     {BASE, .address = TEXT("x")},
     {.kind = TEXT("repair"), .danger = TEXT("dog"), SAID},
     "items[0].danger",
     "REP-11",
     ""},
    {"a class of no repair",
     {BASE, NAMED},
     {.kind = TEXT("inquiry"), .class = TEXT("normal"), SAID},
     "items[0].class",
     "REP-11",
     ""},
    {"put off with a contact method",
     {BASE, .email = TEXT("a@b.c")},
     {.kind = TEXT("suggestion"), SAID, .deferred = {true, true}},
     NULL,
     NULL,
     ""},
    {"put off without one",
     {BASE},
     {.kind = TEXT("suggestion"), SAID, .deferred = {true, true}},
     "phone",
     "INT-14",
     ""},
    {"promised for later",
     {BASE, NAMED},
     {.kind = TEXT("inquiry"), SAID, .promised_at = NOW + 1},
     NULL,
     NULL,
     ""},
    {"promised for the past",
     {BASE, NAMED},
     {.kind = TEXT("inquiry"), SAID, .promised_at = NOW},
     "items[0].promised_at",
     "INT-15",
     ""},
    {"promised for the past, recorded later",
     {BASE, NAMED, .received_at = NOW - 10},
     {.kind = TEXT("inquiry"), SAID, .promised_at = NOW - 20},
     NULL,
     NULL,
     ""},
    {"received in the future",
     {BASE, NAMED, .received_at = NOW + 2 * MINUTE_US},
     {.kind = TEXT("inquiry"), SAID},
     "received_at",
     "SLA-29",
     ""},
    {"answered by somebody",
     {BASE, NAMED},
     {.kind = TEXT("inquiry"), SAID, .answer = TEXT("a")},
     NULL,
     NULL,
     "sp01"},
    {"answered by nobody",
     {BASE, NAMED},
     {.kind = TEXT("inquiry"), SAID, .answer = TEXT("a")},
     "recorder",
     "SLA-30",
     ""},
    {"answered and put off",
     {BASE, NAMED},
     {.kind = TEXT("inquiry"), SAID, .answer = TEXT("a"), .deferred = {true, true}},
     "items[0].deferred",
     "INT-14",
     "sp01"},
    {"an unknown channel",
     {.source = TEXT("p"), .source_id = TEXT("1"), .channel = TEXT("fax"), NAMED},
     {.kind = TEXT("inquiry"), SAID},
     "channel",
     "INT-08",
     ""},
    {"a source with a slash",
     {.source = TEXT("p/q"), .source_id = TEXT("1"), .channel = TEXT("call"), NAMED},
     {.kind = TEXT("inquiry"), SAID},
     "source",
     "INT-32",
     ""},
    {"a blank source id",
     {.source = TEXT("p"), .source_id = TEXT(" "), .channel = TEXT("call"), NAMED},
     {.kind = TEXT("inquiry"), SAID},
     "source_id",
     "INT-32",
     ""},
    {"no telephone number",
     {BASE, .customer_name = TEXT("n"), .phone = TEXT("12")},
     {.kind = TEXT("inquiry"), SAID},
     "phone",
     "INT-09",
     ""},
    {"no e-mail address",
     {BASE, NAMED, .email = TEXT("x")},
     {.kind = TEXT("inquiry"), SAID},
     "email",
     "INT-09",
     ""},
    {"an unknown language",
     {BASE, NAMED, .locale = TEXT("xx")},
     {.kind = TEXT("inquiry"), SAID},
     "locale",
     "INT-27",
     ""},
    {"an unknown form of address",
     {BASE, NAMED, .honorific = TEXT("sir")},
     {.kind = TEXT("inquiry"), SAID},
     "honorific",
     "NTF-39",
     ""},
    {"words where a code belongs",
     {BASE, NAMED, .project = TEXT("the third house")},
     {.kind = TEXT("inquiry"), SAID},
     "project",
     "INT-08",
     ""},
};

TEST(required_fields)
{
    struct arena *arena = arena_create();
    const struct intake_policy *compiled = policy(arena);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct contact_record contact = rows[i].contact;
        struct err err = {0};
        contact.items = (struct list){&rows[i].item, 1};
        int status = check_contact(&contact, text_of(rows[i].recorder), compiled, NOW, &err);
        test_row(rows[i].what);
        CHECK_ROW((status < 0) == (rows[i].field != NULL), "%s",
                  status < 0 ? err.message : "was taken");
        CHECK_STRING(err.field, rows[i].field == NULL ? "" : rows[i].field);
        CHECK_STRING(err.rule, rows[i].rule == NULL ? "" : rows[i].rule);
    }
    arena_destroy(arena);
}

TEST(items_are_named_by_their_place)
{
    struct arena *arena = arena_create();
    struct contact_item items[] = {
        {.kind = TEXT("suggestion"), SAID}, {.kind = TEXT("suggestion"), SAID}, {.kind = TEXT("")}};
    struct contact_record contact = {BASE, .items = {items, COUNT(items)}};
    struct err err = {0};
    CHECK(check_contact(&contact, (text){0}, policy(arena), NOW, &err) < 0);
    CHECK_STRING(err.field, "items[2].kind");
    contact.items.n = 0;
    CHECK(check_contact(&contact, (text){0}, policy(arena), NOW, &err) < 0);
    CHECK_STRING(err.rule, "INT-10");
    arena_destroy(arena);
}

TEST(class_of_a_repair)
{
    static const struct {
        const char *kind, *topic, *class, *danger, *want;
    } cases[] = {
        {"repair", "leak", NULL, NULL, "normal"},
        {"repair", "leak", NULL, "water", "emergency"},
        {"repair", "leak", "normal", "lift", "emergency"},
        {"repair", "gas", NULL, NULL, "emergency"},
        {"repair", "gas", "normal", NULL, "normal"},
        {"repair", "decoration", NULL, NULL, "project"},
        {"repair", NULL, NULL, NULL, "normal"},
        {"repair", NULL, "project", NULL, "project"},
        {"complaint", "leak", NULL, NULL, NULL},
    };
    struct arena *arena = arena_create();
    const struct intake_policy *compiled = policy(arena);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct contact_item item = {.kind = text_of(cases[i].kind),
                                    .topic = text_of(cases[i].topic),
                                    .class = text_of(cases[i].class),
                                    .danger = text_of(cases[i].danger)};
        CHECK_TEXT(check_class(&item, compiled), cases[i].want);
    }
    CHECK_INT(compiled->repeat_window, 90 * DAY_US);
    arena_destroy(arena);
}
