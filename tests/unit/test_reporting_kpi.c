/* The formulas of the KPIs, row by row; kpis.yaml as it is shipped; the limit of KPI-03 on both
   calendars. */
#include "test.h"

#include "reporting/kpi.h"
#include "reporting/handlers.h"

#include <stdlib.h>
#include <string.h>

static struct arena *arena;

static const struct kpi_policy *shipped(void)
{
    struct policy_files files;
    struct err err = {0};
    arena = arena_create();
    if (policy_read("deploy/policy", &reporting_policy, arena, &files, &err) < 0)
        test_skip(err.message);
    const struct kpi_policy *policy = reporting_policy.compile(&files, arena, &err);
    if (!CHECK_ROW(policy != NULL, "%s", err.message)) exit(1);
    return policy;
}

#define CLOCK(name, of_kind, direct, m, n, left)                                                   \
    {                                                                                              \
        .figure = TEXT("clock"), .clock = TEXT(name), .kind = TEXT(of_kind),                       \
        .answered = {direct, true}, .met = m, .of = n, .apart = left                               \
    }

static const struct figure_row busy[] = {
    CLOCK("SLA-02", "complaint", false, 3, 4, 1),
    CLOCK("SLA-02", "repair", false, 5, 6, 0),
    CLOCK("SLA-02", "inquiry", true, 100, 100,
          0), /* solved in the contact: in neither number of KPI-12 */
    CLOCK("SLA-03", "inquiry", true, 2, 2, 0),
    CLOCK("SLA-03", "complaint", false, 0, 2, 3),
    CLOCK("SLA-03", "repair", false, 50, 50, 0), /* no kind of KPI-11 */
    CLOCK("CMP-02", "complaint", false, 9, 9, 0),
    {.figure = TEXT("timely"), .met = 19, .of = 20, .apart = 2},
    {.figure = TEXT("result"),
     .met = 4,
     .of = 4,
     .mean = {7200, true},
     .p50 = {3600, true},
     .p90 = {18000, true}},
    {.figure = TEXT("satisfied"),
     .of = 1,
     .mean = {36000, true},
     .p50 = {36000, true},
     .p90 = {36000, true}},
    {.figure = TEXT("complaints"), .met = 6, .of = 40, .apart = 1},
    {.figure = TEXT("wait"), .of = 10, .mean = {90, true}, .p50 = {60, true}, .p90 = {240, true}},
};
static const struct figure_row idle[] = {{.figure = TEXT("timely")},
                                         {.figure = TEXT("result")},
                                         {.figure = TEXT("complaints")},
                                         {.figure = TEXT("wait")}};

static const struct figure_row late[] = {
    {.figure = TEXT("timely"), .of = 7},
    {.figure = TEXT("result"), .of = 1, .mean = {0, true}, .p50 = {0, true}, .p90 = {0, true}}};

static const struct {
    const char *what;
    const struct figure_row *given;
    size_t n;
    const char *topic;
    struct kpi_value want;
} table[] = {
    {"in time",
     busy,
     COUNT(busy),
     "kpi/KPI-03",
     {.count = 19, .of = {20, true}, .value = {95, true}}},
    {"exits apart", busy, COUNT(busy), "kpi/KPI-03/apart", {.count = 2}},
    {"intervals in hours",
     busy,
     COUNT(busy),
     "kpi/KPI-04",
     {.count = 4, .value = {2, true}, .p50 = {1, true}, .p90 = {5, true}}},
    {"until satisfied",
     busy,
     COUNT(busy),
     "kpi/KPI-04/satisfied",
     {.count = 1, .value = {10, true}, .p50 = {10, true}, .p90 = {10, true}}},
    {"complaints by contacts",
     busy,
     COUNT(busy),
     "kpi/KPI-10",
     {.count = 6, .of = {40, true}, .value = {15, true}}},
    {"units are not known", busy, COUNT(busy), "kpi/KPI-10/per_1000_units", {.count = 6}},
    {"three kinds only",
     busy,
     COUNT(busy),
     "kpi/KPI-11",
     {.count = 2, .of = {4, true}, .value = {50, true}}},
    {"no verdict is apart", busy, COUNT(busy), "kpi/KPI-11/apart", {.count = 3}},
    {"not the recorder's own",
     busy,
     COUNT(busy),
     "kpi/KPI-12",
     {.count = 8, .of = {10, true}, .value = {80, true}}},
    {"wait in seconds",
     busy,
     COUNT(busy),
     "kpi/WAIT-ASSIGN",
     {.count = 10, .value = {90, true}, .p50 = {60, true}, .p90 = {240, true}}},
    {"nothing in time is 0 per cent, not n/a",
     late,
     COUNT(late),
     "kpi/KPI-03",
     {.of = {7, true}, .value = {0, true}}},
    {"an interval of no time is one",
     late,
     COUNT(late),
     "kpi/KPI-04",
     {.count = 1, .value = {0, true}, .p50 = {0, true}, .p90 = {0, true}}},
    {"nothing due is n/a", idle, COUNT(idle), "kpi/KPI-03", {0}},
    {"no interval is n/a", idle, COUNT(idle), "kpi/KPI-04", {0}},
    {"no line at all is n/a", idle, COUNT(idle), "kpi/KPI-04/satisfied", {0}},
    {"no contact is n/a", idle, COUNT(idle), "kpi/KPI-10", {0}},
    {"no clock is n/a", idle, COUNT(idle), "kpi/KPI-11", {0}},
};

static bool same(struct maybe_real a, struct maybe_real b)
{
    return a.is == b.is && a.given == b.given;
}

TEST(kpi_formulas)
{
    const struct kpi_policy *policy = shipped();
    for (size_t i = 0; i < COUNT(table); i++) {
        struct kpi_value values[KPI_VALUES];
        const struct kpi_value *got = NULL, *want = &table[i].want;
        size_t n = kpi_values(policy, (struct list){table[i].given, table[i].n}, values);
        for (size_t k = 0; k < n; k++)
            if (strcmp(values[k].topic, table[i].topic) == 0) got = &values[k];
        test_row(table[i].what);
        if (!CHECK(got != NULL)) continue;
        CHECK_INT(got->count, want->count);
        CHECK_INT(got->of.is, want->of.is);
        CHECK(got->of.given == want->of.given);
        CHECK_ROW(same(got->value, want->value) && same(got->p50, want->p50) &&
                      same(got->p90, want->p90),
                  "got %g %g %g", got->value.is, got->p50.is, got->p90.is);
    }
    test_row(NULL);
    arena_destroy(arena);
}

TEST(kpi_per_thousand_units)
{
    struct kpi_policy policy = *shipped();
    struct kpi_value values[KPI_VALUES];
    policy.units_in_charge = given_int(2400);
    size_t n = kpi_values(&policy, (struct list){busy, COUNT(busy)}, values);
    for (size_t i = 0; i < n; i++)
        if (strcmp(values[i].topic, "kpi/KPI-10/per_1000_units") == 0)
            CHECK(values[i].value.is == 2.5);
    arena_destroy(arena);
}

TEST(kpi_rules_of_topics)
{
    const struct kpi_policy *policy = shipped();
    const struct kpi_rule *rule = kpi_rule_of(policy, TEXT("kpi/KPI-03/apart"));
    CHECK(rule != NULL && rule->target.is == 95);
    CHECK(kpi_rule_of(policy, TEXT("kpi/KPI-99")) == NULL);
    CHECK(kpi_rule_of(policy, TEXT("held/KPI-03")) == NULL);
    arena_destroy(arena);
}

/* 2026-03-02 is a Monday; times in Shanghai. */
static time_us at(int day, int hour, int minute)
{
    return INT64_C(1772380800) * SECOND_US + (day - 2) * DAY_US + hour * HOUR_US +
           minute * MINUTE_US;
}

TEST(kpi_limit_is_two_service_hours_then_three_working_days)
{
    const struct kpi_policy *policy = shipped();
    const struct {
        const char *what;
        time_us received, due;
    } limits[] = {
        {"Monday morning", at(2, 9, 0), at(5, 11, 0)},
        {"Monday evening: two hours on Tuesday", at(2, 20, 0), at(6, 11, 0)},
        {"Friday noon: over the weekend", at(6, 12, 0), at(11, 14, 0)},
        {"Saturday: service works, the departments do not", at(7, 10, 0), at(11, 18, 0)},
    };
    for (size_t i = 0; i < COUNT(limits); i++) {
        test_row(limits[i].what);
        CHECK_INT(kpi_result_due(policy, limits[i].received) / SECOND_US,
                  limits[i].due / SECOND_US);
    }
    test_row(NULL);
    CHECK_INT(kpi_result_due(policy, 0), 0);
    arena_destroy(arena);
}

TEST(kpi_policy_faults)
{
    static const struct {
        const char *body, *says;
    } faults[] = {
        {"kpis: []", "zone"},
        {"zone: ../etc/passwd\nkpis: []", "must be the name of a time zone"},
        {"zone: UTC\nkpis: []", "KPI-03 is missing"},
        {"zone: UTC\nkpis:\n  - {id: KPI-03, zh: a, en: b, limit: {service: 2h, then: 3h}}",
         "must be working days"},
        {"zone: UTC\nkpis:\n  - {id: KPI-03, zh: a, en: b, limt: 1}", "limt"},
    };
    for (size_t i = 0; i < COUNT(faults); i++) {
        struct arena *mine = arena_create();
        struct err err = {0};
        struct policy_file file = {TEXT("kpis.yaml"), text_of(faults[i].body)};
        struct policy_files files = {&file, 1};
        CHECK(reporting_policy.compile(&files, mine, &err) == NULL);
        CHECK_HAS(text_of(err.message), faults[i].says);
        arena_destroy(mine);
    }
}
