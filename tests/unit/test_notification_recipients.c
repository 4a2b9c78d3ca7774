/* Who is told: the nearest holder on duty, a deputy, the next one up, nobody (SLA-38, ORG-71,
   AMB-52). */
#include "notification/recipients.h"

#include "test.h"

static const text up_manager[] = {{"manager", 7}}, up_deputy[] = {{"deputy_gm", 9}};
static const text optional[] = {{"assistant_manager", 17}};
static struct up ups[] = {{{"supervisor", 10}, {up_manager, 1}}, {{"manager", 7}, {up_deputy, 1}}};
static const struct notify_rules rules = {.ups = ups, .ups_n = 2, .optional = {optional, 1}};

static const struct unit_row units[] = {
    {.unit = TEXT("company"), .type = TEXT("company")},
    {.unit = TEXT("service"), .parent = TEXT("company"), .type = TEXT("service_department")},
    {.unit = TEXT("team"), .parent = TEXT("service"), .type = TEXT("team")},
    {.unit = TEXT("property"), .parent = TEXT("company"), .type = TEXT("property_department")},
};

#define PERSON(code, role, of, duty)                                                               \
    {                                                                                              \
        .staff = TEXT(code), .name = TEXT(code), .unit = TEXT(of), .roles = TEXT(role),            \
        .active = true, .on_duty = duty                                                            \
    }

static const struct {
    const char *what;
    struct person_row people[5];
    size_t n;
    const char *unit, *owner, *handler, *role, *want; /* want NULL: nobody */
    bool important;
} rows[] = {
    {"the handler",
     {PERSON("h", "specialist", "team", false)},
     1,
     "service",
     "",
     "h",
     "handler",
     "h",
     false},
    {"the owner, else the handler",
     {PERSON("h", "specialist", "team", true)},
     1,
     "service",
     "gone",
     "h",
     "owner",
     "h",
     false},
    {"no handler: the supervisor",
     {PERSON("s", "supervisor", "service", true)},
     1,
     "service",
     "",
     "",
     "handler",
     "s",
     false},
    {"of the own unit",
     {PERSON("a", "supervisor", "company", true), PERSON("b", "supervisor", "service", true)},
     2,
     "service",
     "",
     "",
     "supervisor",
     "b",
     false},
    {"in a team of the unit",
     {PERSON("a", "supervisor", "property", true), PERSON("b", "supervisor", "team", true)},
     2,
     "service",
     "",
     "",
     "supervisor",
     "b",
     false},
    {"up the tree",
     {PERSON("a", "manager", "property", true), PERSON("b", "manager", "company", true)},
     2,
     "team",
     "",
     "",
     "manager",
     "b",
     false},
    {"on duty before near",
     {PERSON("a", "supervisor", "service", false), PERSON("b", "supervisor", "property", true)},
     2,
     "service",
     "",
     "",
     "supervisor",
     "b",
     false},
    {"the deputy on duty",
     {{.staff = TEXT("a"),
       .unit = TEXT("service"),
       .roles = TEXT("supervisor"),
       .deputy = TEXT("d"),
       .active = true},
      PERSON("d", "specialist", "team", true),
      PERSON("m", "manager", "company", true)},
     3,
     "service",
     "",
     "",
     "supervisor",
     "d",
     false},
    {"the next one up, on duty",
     {PERSON("a", "supervisor", "service", false), PERSON("m", "manager", "company", true)},
     2,
     "service",
     "",
     "",
     "supervisor",
     "m",
     false},
    {"nobody on duty: the holder",
     {PERSON("a", "supervisor", "service", false), PERSON("m", "manager", "company", false)},
     2,
     "service",
     "",
     "",
     "supervisor",
     "a",
     false},
    {"two levels up",
     {PERSON("g", "deputy_gm", "company", true)},
     1,
     "service",
     "",
     "",
     "supervisor",
     "g",
     false},
    {"one of several roles",
     {PERSON("a", "specialist,supervisor", "service", true)},
     1,
     "service",
     "",
     "",
     "supervisor",
     "a",
     false},
    {"not a longer name",
     {PERSON("a", "supervisors", "service", true)},
     1,
     "service",
     "",
     "",
     "supervisor",
     NULL,
     false},
    {"nobody",
     {PERSON("a", "specialist", "service", true)},
     1,
     "service",
     "",
     "",
     "supervisor",
     NULL,
     false},
    {"who left does not count",
     {{.staff = TEXT("a"), .unit = TEXT("service"), .roles = TEXT("supervisor"), .on_duty = true}},
     1,
     "service",
     "",
     "",
     "supervisor",
     NULL,
     false},
    {"a post that need not exist",
     {PERSON("m", "manager", "company", true)},
     1,
     "service",
     "",
     "",
     "assistant_manager",
     NULL,
     false},
    {"in a property department the assistant manager",
     {PERSON("s", "supervisor", "property", true),
      PERSON("p", "assistant_manager", "property", true)},
     2,
     "property",
     "",
     "",
     "supervisor",
     "p",
     false},
    {"where the post is empty, the supervisor",
     {PERSON("s", "supervisor", "property", true)},
     1,
     "property",
     "",
     "",
     "supervisor",
     "s",
     false},
    {"an important customer's manager",
     {PERSON("s", "supervisor", "service", true), PERSON("m", "manager", "company", true)},
     2,
     "service",
     "",
     "",
     "supervisor",
     "m",
     true},
};

TEST(recipients)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct company company = {
            .people = {rows[i].people, rows[i].n}, .units = {units, COUNT(units)}, .rules = &rules};
        const struct ticket_copy_row ticket = {.org_unit = text_of(rows[i].unit),
                                               .owner = text_of(rows[i].owner),
                                               .handler = text_of(rows[i].handler),
                                               .important = rows[i].important};
        const struct person_row *person = recipients_find(&company, &ticket, text_of(rows[i].role));
        CHECK_ROW(rows[i].want == NULL ? person == NULL
                                       : person != NULL && text_is(person->staff, rows[i].want),
                  "%s: got %.*s", rows[i].what, person == NULL ? 6 : (int)person->staff.len,
                  person == NULL ? "nobody" : person->staff.at);
    }
}

TEST(a_circle_of_units_or_roles_ends)
{
    static const struct unit_row circle[] = {{.unit = TEXT("a"), .parent = TEXT("b")},
                                             {.unit = TEXT("b"), .parent = TEXT("a")}};
    static const text to_self[] = {{"supervisor", 10}};
    static struct up round[] = {{{"supervisor", 10}, {to_self, 1}}};
    static const struct notify_rules looped = {.ups = round, .ups_n = 1};
    static const struct person_row people[] = {PERSON("s", "specialist", "x", true)};
    const struct company company = {.people = {people, 1}, .units = {circle, 2}, .rules = &looped};
    CHECK(recipients_find(&company, &(struct ticket_copy_row){.org_unit = TEXT("a")},
                          TEXT("supervisor")) == NULL);
}
