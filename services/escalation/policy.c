/* Compiles clocks.yaml and calendars/ into struct clock_rules. */
#include "handlers.h"

#include "clock_rules.h"
#include "data/yaml.h"

#include <string.h>

struct compiler {
    struct yaml_reader reader;
    struct arena *arena;
    struct clock_rules *rules;
    const struct ladder *ladders;
    size_t ladders_n;
};

/* --- calendars --- */

static int pass_calendar_fault(struct compiler *c, const struct yaml *node, int result,
                               const struct err *err)
{
    return result < 0 ? yaml_fail(&c->reader, node, "%s", err->message) : 0;
}

static void read_hours(struct compiler *c, const struct yaml *file, struct calendar_rules *rules)
{
    struct err err = {0};
    YAML_EACH(day, yaml_map(&c->reader, file, "hours"))
    {
        pass_calendar_fault(c, day, calendar_rules_set_hours(rules, day->key, day->value, &err),
                            &err);
    }
    YAML_EACH(date, yaml_get(file, "holidays"))
    {
        pass_calendar_fault(c, date, calendar_rules_add_holiday(rules, date->value, &err), &err);
    }
    YAML_EACH(date, yaml_get(file, "special"))
    {
        pass_calendar_fault(c, date,
                            calendar_rules_set_special(rules, date->key, date->value, &err), &err);
    }
}

static void destroy_calendar(void *calendar)
{
    calendar_destroy(calendar);
}

/* It lives as long as the rules. */
static struct calendar *keep_calendar(struct compiler *c, struct calendar *calendar)
{
    if (calendar != NULL) arena_owns(c->arena, destroy_calendar, calendar);
    return calendar;
}

static struct calendar *compile_hours(struct compiler *c, const struct yaml *file)
{
    struct err err = {0};
    struct calendar_rules *rules = calendar_rules_create();
    text zone = yaml_text(&c->reader, file, "zone");
    if (!c->reader.failed)
        pass_calendar_fault(c, yaml_get(file, "zone"), calendar_rules_set_zone(rules, zone, &err),
                            &err);
    read_hours(c, file, rules);
    if (c->reader.failed) {
        calendar_rules_destroy(rules);
        return NULL;
    }
    struct calendar *calendar = calendar_compile(rules, &err);
    if (calendar == NULL) yaml_fail(&c->reader, file, "%s", err.message);
    return keep_calendar(c, calendar);
}

static void read_calendar(struct compiler *c, const struct yaml *file, struct named_calendar *out)
{
    yaml_only(&c->reader, file,
              (const char *[]){"name", "base", "units", "zh", "en", "zone", "unset_by_customer",
                               "rule", "day", "hours", "holidays", "special", "filled_until",
                               NULL});
    out->name = yaml_text(&c->reader, file, "name");
    out->base = yaml_text_or(&c->reader, file, "base", out->name.at);
    out->units = yaml_texts(&c->reader, file, "units", c->arena);
    struct span day = yaml_span(&c->reader, file, "day");
    out->day = span_natural(day);
    if (!c->reader.failed && out->day == 0)
        yaml_fail(&c->reader, yaml_get(file, "day"), "must be hours, such as 9h");
    if (text_is(out->name, "natural")) {
        out->calendar = keep_calendar(c, calendar_always());
    } else if (!c->reader.failed) {
        out->calendar = compile_hours(c, file);
    }
}

static void read_calendars(struct compiler *c, const struct policy_files *files)
{
    struct named_calendar *out = ARENA_ARRAY(c->arena, struct named_calendar, files->n);
    c->rules->calendars = out;
    for (size_t i = 0; i < files->n && !c->reader.failed; i++) {
        if (!text_starts(files->at[i].name, "calendars/")) continue;
        text name = arena_text(c->arena, files->at[i].name);
        const struct yaml *file = yaml_read(files->at[i].body, name.at, c->arena, c->reader.err);
        c->reader.failed = file == NULL;
        if (file != NULL) read_calendar(c, file, &out[c->rules->calendars_n++]);
    }
}

/* Every base needs a calendar that holds for all units. */
static void check_base(struct compiler *c, const struct yaml *node, text base)
{
    if (c->reader.failed || clock_rules_calendar_of(c->rules, base, TEXT("")) != NULL) return;
    yaml_fail(&c->reader, node, "there is no calendar \"%.*s\" for all units in calendars/",
              TEXT_ARG(base));
}

/* --- ladders --- */

static text level_name(struct compiler *c, const struct ladder *ladder, int64_t level,
                       int64_t share)
{
    text plain = arena_printf(c->arena, "L%d", (int)level);
    bool taken = share < 100;
    for (size_t i = 0; i < ladder->n; i++) taken = taken || text_equal(ladder->at[i].name, plain);
    return taken ? arena_printf(c->arena, "L%d_%d", (int)level, (int)share) : plain;
}

static void read_level(struct compiler *c, const struct yaml *node, struct ladder *ladder)
{
    if (ladder->n == LADDER_LEVELS) {
        yaml_fail(&c->reader, node, "at most %d levels", LADDER_LEVELS);
        return;
    }
    yaml_only(&c->reader, node,
              (const char *[]){"at", "level", "kind", "to", "where_exists", NULL});
    int64_t share = yaml_int(&c->reader, node, "at", 1, 10000);
    int64_t level = yaml_int(&c->reader, node, "level", 1, 9);
    if (ladder->n > 0 && share <= ladder->at[ladder->n - 1].share)
        yaml_fail(&c->reader, node, "levels must rise");
    struct ladder_level *out = &ladder->at[ladder->n];
    out->name = level_name(c, ladder, level, share);
    out->share = share;
    out->roles = yaml_texts(&c->reader, node, "to", c->arena);
    ladder->n++;
}

static void read_ladders(struct compiler *c, const struct yaml *file)
{
    const struct yaml *map = yaml_map(&c->reader, file, "ladders");
    struct ladder *out = ARENA_ARRAY(c->arena, struct ladder, yaml_count(map) + 1);
    c->ladders = out;
    YAML_EACH(node, map)
    {
        struct ladder *ladder = &out[c->ladders_n++];
        ladder->name = node->key;
        yaml_only(&c->reader, node, (const char *[]){"rule", "levels", NULL});
        bool breach = false;
        YAML_EACH(level, yaml_list(&c->reader, node, "levels")) read_level(c, level, ladder);
        for (size_t i = 0; i < ladder->n; i++) breach = breach || ladder->at[i].share == 100;
        if (!breach) yaml_fail(&c->reader, node, "a ladder needs a level at 100");
    }
}

static const struct ladder *find_ladder(struct compiler *c, const struct yaml *clock)
{
    text name = yaml_text(&c->reader, clock, "ladder");
    for (size_t i = 0; i < c->ladders_n; i++) {
        if (text_equal(c->ladders[i].name, name)) return &c->ladders[i];
    }
    yaml_fail(&c->reader, yaml_get(clock, "ladder"), "there is no such ladder");
    return NULL;
}

/* --- clocks --- */

static const struct {
    const char *word;
    enum clock_word is;
} words[] = {
    {"opened", ON_OPENED},
    {"closed", ON_CLOSED},
    {"step", ON_STEP},
    {"promised", ON_PROMISED},
    {"replied", ON_REPLIED},
    {"handler_named", ON_HANDLER_NAMED},
    {"moved", ON_MOVED},
    {"acknowledged", ON_ACKNOWLEDGED},
    {"class_changed", ON_CLASS_CHANGED},
};

static void read_trigger(struct compiler *c, const struct yaml *node, struct clock_trigger *out)
{
    bool step = node->kind == YAML_MAP;
    text word = step ? TEXT("step") : node->value;
    if (step) {
        yaml_only(&c->reader, node, (const char *[]){"step", NULL});
        out->step = yaml_text(&c->reader, node, "step");
    }
    for (size_t i = 0; i < COUNT(words); i++) {
        if (!text_is(word, words[i].word)) continue;
        out->word = words[i].is;
        if (!step && out->word == ON_STEP) break;
        return;
    }
    yaml_fail(&c->reader, node, "\"%.*s\" is no event that clocks know", TEXT_ARG(word));
}

static struct clock_triggers read_triggers(struct compiler *c, const struct yaml *clock,
                                           const char *key, const char *again)
{
    const struct yaml *first = yaml_list(&c->reader, clock, key);
    const struct yaml *second = again == NULL ? NULL : yaml_get(clock, again);
    struct clock_trigger *out =
        ARENA_ARRAY(c->arena, struct clock_trigger, yaml_count(first) + yaml_count(second) + 1);
    size_t n = 0;
    YAML_EACH(node, first) read_trigger(c, node, &out[n++]);
    YAML_EACH(node, second)
    {
        out[n].restart = true;
        read_trigger(c, node, &out[n++]);
    }
    return (struct clock_triggers){out, n};
}

static void read_limit(struct compiler *c, const struct yaml *clock, struct clock_rule *out)
{
    text limit = yaml_text(&c->reader, clock, "limit");
    out->share = yaml_int_or(&c->reader, clock, "share", 1, 10000, 100);
    if (out->share < 1 || out->share > 1000)
        yaml_fail(&c->reader, yaml_get(clock, "share"), "must be 1 to 1000");
    if (text_is(limit, "promised")) {
        out->kind = LIMIT_PROMISED;
    } else if (text_is(limit, "step")) {
        out->kind = LIMIT_STEP;
    } else {
        out->limit = yaml_span(&c->reader, clock, "limit");
    }
    const struct yaml *classes = yaml_get(clock, "classes");
    struct class_limit *limits = ARENA_ARRAY(c->arena, struct class_limit, yaml_count(classes) + 1);
    out->classes = limits;
    YAML_EACH(node, classes)
    {
        struct span span = yaml_span(&c->reader, classes, node->key.at);
        limits[out->classes_n++] = (struct class_limit){node->key, span};
    }
}

static bool read_from(struct compiler *c, const struct yaml *clock, const char *key)
{
    static const char *const from[] = {"event", "contact", NULL};
    return yaml_choice_or(&c->reader, clock, key, from, 0) == 1;
}

static void read_clock(struct compiler *c, const struct yaml *node, struct clock_rule *out)
{
    static const char *const emergency[] = {"same", "natural", NULL};
    yaml_only(&c->reader, node,
              (const char *[]){"id",
                               "zh",
                               "en",
                               "kinds",
                               "when",
                               "base",
                               "emergency",
                               "limit",
                               "classes",
                               "share",
                               "unless_promised",
                               "from",
                               "start",
                               "restart",
                               "restart_from",
                               "stop",
                               "pause",
                               "round",
                               "ladder",
                               "unset_by_customer",
                               "rule",
                               NULL});
    out->name = yaml_text(&c->reader, node, "id");
    out->rule = yaml_text(&c->reader, node, "rule");
    out->kinds = yaml_texts(&c->reader, node, "kinds", c->arena);
    out->when = yaml_text_or(&c->reader, node, "when", "");
    out->base = yaml_text(&c->reader, node, "base");
    check_base(c, yaml_get(node, "base"), out->base);
    out->emergency_natural = yaml_choice_or(&c->reader, node, "emergency", emergency, 0) == 1;
    read_limit(c, node, out);
    out->unless_promised = yaml_bool_or(&c->reader, node, "unless_promised", false);
    out->from_contact = read_from(c, node, "from");
    out->restart_from_contact = read_from(c, node, "restart_from");
    out->starts = read_triggers(c, node, "start", "restart");
    out->stops = read_triggers(c, node, "stop", NULL);
    out->pauses = yaml_bool_or(&c->reader, node, "pause", false);
    out->ladder = find_ladder(c, node);
}

static void read_clocks(struct compiler *c, const struct yaml *file)
{
    const struct yaml *list = yaml_list(&c->reader, file, "clocks");
    struct clock_rule *out = ARENA_ARRAY(c->arena, struct clock_rule, yaml_count(list) + 1);
    c->rules->at = out;
    YAML_EACH(node, list)
    {
        struct clock_rule *rule = &out[c->rules->n];
        read_clock(c, node, rule);
        if (clock_rules_find(c->rules, rule->name) != NULL)
            yaml_fail(&c->reader, node, "this clock stands here twice");
        c->rules->n++;
    }
}

/* "start_levels: - {clock: CMP-02, flag: repeat, level: 3}" (SLA-40) */
static void read_start_level(struct compiler *c, const struct yaml *node)
{
    static const char *const flags[] = {"repeat", NULL};
    yaml_only(&c->reader, node,
              (const char *[]){"clock", "kind", "flag", "level", "to", "rule", NULL});
    text clock = yaml_text(&c->reader, node, "clock");
    (void)yaml_choice(&c->reader, node, "flag", flags);
    text level = arena_printf(c->arena, "L%d", (int)yaml_int(&c->reader, node, "level", 1, 9));
    struct clock_rule *rules = (struct clock_rule *)c->rules->at;
    for (size_t i = 0; i < c->rules->n; i++) {
        if (!text_equal(rules[i].name, clock)) continue;
        rules[i].repeat_level = level;
        return;
    }
    yaml_fail(&c->reader, node, "there is no such clock");
}

static void read_clocks_file(struct compiler *c, const struct yaml *file)
{
    yaml_only(&c->reader, file,
              (const char *[]){"max_pause", "waiting", "next_year_warning", "clocks", "ladders",
                               "start_levels", NULL});
    const struct yaml *pause = yaml_map(&c->reader, file, "max_pause");
    if (pause != NULL) c->rules->most_pause = yaml_span(&c->reader, pause, "is");
    const struct yaml *waiting = yaml_map(&c->reader, file, "waiting");
    if (waiting != NULL) c->rules->waiting = yaml_texts(&c->reader, waiting, "states", c->arena);
    check_base(c, file, TEXT("business"));
    check_base(c, file, TEXT("natural"));
    read_ladders(c, file);
    read_clocks(c, file);
    YAML_EACH(node, yaml_get(file, "start_levels")) read_start_level(c, node);
}

static const void *compile_clock_rules(const struct policy_files *files, struct arena *arena,
                                       struct err *err)
{
    struct compiler c = {
        .reader = {.err = err}, .arena = arena, .rules = ARENA_NEW(arena, struct clock_rules)};
    const struct policy_file *clocks = policy_find(files, "clocks.yaml");
    if (clocks == NULL) {
        err_set(err, "clocks.yaml is missing");
        return NULL;
    }
    read_calendars(&c, files);
    const struct yaml *file =
        c.reader.failed ? NULL : yaml_read(clocks->body, "clocks.yaml", arena, err);
    if (file != NULL) read_clocks_file(&c, file);
    return file != NULL && !c.reader.failed ? c.rules : NULL;
}

static const char *const owned[] = {"clocks.yaml", "calendars/", NULL};
const struct policy_owner escalation_policy = {.files = owned, .compile = compile_clock_rules};
