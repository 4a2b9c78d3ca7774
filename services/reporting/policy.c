/* Compiles kpis.yaml, with the calendars it counts on, into struct kpi_policy. */
#include "handlers.h"

#include "kpi.h"
#include "time/zone.h"
#include "data/yaml.h"

struct compiler {
    struct yaml_reader reader;
    struct arena *arena;
    struct kpi_policy *policy;
    int64_t business_day; /* working time in a working day */
};

/* --- calendars: those that hold for all organisation units --- */

static void pass_hours_fault(struct compiler *c, const struct yaml *node, int result,
                             const struct err *err)
{
    if (result < 0) yaml_fail(&c->reader, node, "%s", err->message);
}

static void destroy_calendar(void *calendar)
{
    calendar_destroy(calendar);
}

static struct calendar *compile_calendar(struct compiler *c, const struct yaml *file)
{
    struct err err = {0};
    struct calendar_rules *rules = calendar_rules_create();
    struct calendar *calendar = NULL;
    pass_hours_fault(
        c, file, calendar_rules_set_zone(rules, yaml_text(&c->reader, file, "zone"), &err), &err);
    YAML_EACH(hours, yaml_map(&c->reader, file, "hours"))
    pass_hours_fault(c, hours, calendar_rules_set_hours(rules, hours->key, hours->value, &err),
                     &err);
    YAML_EACH(closed, yaml_get(file, "holidays"))
    pass_hours_fault(c, closed, calendar_rules_add_holiday(rules, closed->value, &err), &err);
    YAML_EACH(special, yaml_get(file, "special"))
    pass_hours_fault(c, special,
                     calendar_rules_set_special(rules, special->key, special->value, &err), &err);
    if (c->reader.failed)
        calendar_rules_destroy(rules);
    else
        pass_hours_fault(c, file, (calendar = calendar_compile(rules, &err)) == NULL ? -1 : 0,
                         &err);
    if (calendar != NULL) arena_owns(c->arena, destroy_calendar, calendar);
    return calendar;
}

static void read_calendar(struct compiler *c, const struct yaml *file)
{
    text name = yaml_text(&c->reader, file, "name");
    text base = yaml_text_or(&c->reader, file, "base", name.at);
    if (c->reader.failed || yaml_get(file, "units") != NULL) return;
    if (text_is(base, "service") && c->policy->service == NULL) {
        c->policy->service = compile_calendar(c, file);
    } else if (text_is(base, "business") && c->policy->business == NULL) {
        c->business_day = span_natural(yaml_span(&c->reader, file, "day"));
        c->policy->business = compile_calendar(c, file);
    }
}

static void read_calendars(struct compiler *c, const struct policy_files *files)
{
    for (size_t i = 0; i < files->n && !c->reader.failed; i++) {
        if (!text_starts(files->at[i].name, "calendars/")) continue;
        text name = arena_text(c->arena, files->at[i].name);
        const struct yaml *file = yaml_read(files->at[i].body, name.at, c->arena, c->reader.err);
        c->reader.failed = file == NULL;
        if (file != NULL) read_calendar(c, file);
    }
}

/* --- kpis.yaml --- */

static void read_limit(struct compiler *c, const struct yaml *kpi)
{
    const struct yaml *limit = yaml_map(&c->reader, kpi, "limit");
    yaml_only(&c->reader, limit, (const char *[]){"service", "then", NULL});
    struct span first = yaml_span(&c->reader, limit, "service"),
                then = yaml_span(&c->reader, limit, "then");
    c->policy->result_service = span_natural(first);
    if (c->reader.failed) return;
    if (c->policy->result_service == 0)
        yaml_fail(&c->reader, limit, "service: must be a span such as 2h");
    if (then.unit != SPAN_WORKING_DAYS)
        yaml_fail(&c->reader, limit, "then: must be working days such as 3wd");
    c->policy->result_business = then.n * c->business_day;
}

static void read_formula(struct compiler *c, const struct yaml *kpi, text id)
{
    struct kpi_policy *policy = c->policy;
    struct yaml_reader *reader = &c->reader;
    if (text_is(id, "KPI-03")) {
        read_limit(c, kpi);
    } else if (text_is(id, "KPI-04")) {
        policy->steps.result = yaml_text(reader, kpi, "result_step");
        policy->steps.satisfied = yaml_text(reader, kpi, "satisfied_step");
    } else if (text_is(id, "KPI-10")) {
        if (yaml_get(kpi, "units_in_charge") != NULL)
            policy->units_in_charge =
                given_int(yaml_int(reader, kpi, "units_in_charge", 0, 1000000));
    } else if (text_is(id, "KPI-11")) {
        policy->reply_clock = yaml_text(reader, kpi, "clock");
        policy->reply_kinds = yaml_texts(reader, kpi, "kinds", c->arena);
    } else if (text_is(id, "KPI-12")) {
        policy->assign_clock = yaml_text(reader, kpi, "clock");
    }
}

static void read_kpi(struct compiler *c, const struct yaml *kpi, struct kpi_rule *rule)
{
    yaml_only(&c->reader, kpi, (const char *[]){"id",
                                                "zh",
                                                "en",
                                                "unit",
                                                "formula",
                                                "also",
                                                "figures",
                                                "limit",
                                                "result_step",
                                                "satisfied_step",
                                                "units_in_charge",
                                                "clock",
                                                "kinds",
                                                "leave_out",
                                                "periods",
                                                "direction",
                                                "target",
                                                "unset_by_customer",
                                                "audience",
                                                "rule",
                                                NULL});
    rule->id = yaml_text(&c->reader, kpi, "id");
    rule->zh = yaml_text(&c->reader, kpi, "zh");
    rule->en = yaml_text(&c->reader, kpi, "en");
    if (yaml_get(kpi, "target") != NULL)
        rule->target = given_real(yaml_real(&c->reader, kpi, "target"));
    if (!c->reader.failed) read_formula(c, kpi, rule->id);
}

static void check_complete(struct compiler *c, const struct yaml *file)
{
    const struct kpi_policy *policy = c->policy;
    if (policy->result_service == 0) yaml_fail(&c->reader, file, "KPI-03 is missing");
    if (policy->steps.result.len == 0) yaml_fail(&c->reader, file, "KPI-04 is missing");
    if (policy->reply_clock.len == 0) yaml_fail(&c->reader, file, "KPI-11 is missing");
    if (policy->assign_clock.len == 0) yaml_fail(&c->reader, file, "KPI-12 is missing");
}

static void read_kpi_file(struct compiler *c, const struct yaml *file)
{
    const struct yaml *list = yaml_list(&c->reader, file, "kpis");
    struct kpi_rule *rules = ARENA_ARRAY(c->arena, struct kpi_rule, yaml_count(list) + 1);
    yaml_only(&c->reader, file, (const char *[]){"zone", "kpis", NULL});
    c->policy->zone = yaml_text(&c->reader, file, "zone");
    if (!c->reader.failed && !zone_name_is_safe(c->policy->zone))
        yaml_fail(&c->reader, yaml_get(file, "zone"), "must be the name of a time zone");
    c->policy->at = rules;
    YAML_EACH(kpi, list) read_kpi(c, kpi, &rules[c->policy->n++]);
    if (!c->reader.failed) check_complete(c, file);
}

static const void *compile_kpi_policy(const struct policy_files *files, struct arena *arena,
                                      struct err *err)
{
    struct compiler c = {{err, false}, arena, ARENA_NEW(arena, struct kpi_policy), 0};
    const struct policy_file *kpis = policy_find(files, "kpis.yaml");
    if (kpis == NULL) {
        err_set(err, "kpis.yaml is missing");
        return NULL;
    }
    read_calendars(&c, files);
    const struct yaml *file =
        c.reader.failed ? NULL : yaml_read(kpis->body, "kpis.yaml", arena, err);
    if (file != NULL) read_kpi_file(&c, file);
    return file != NULL && !c.reader.failed ? c.policy : NULL;
}

static const char *const owned[] = {"kpis.yaml", "calendars/", NULL};
const struct policy_owner reporting_policy = {.files = owned, .compile = compile_kpi_policy};
