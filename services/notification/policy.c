/* Compiles notify.yaml, quiet.yaml and templates/ into struct notify_rules. */
#include "handlers.h"

#include "notify_rules.h"

#include <stdlib.h>
#include <string.h>

struct compiler {
    struct yaml_reader reader;
    struct arena *arena;
    struct notify_rules *rules;
    const struct yaml *files[512]; /* of templates/, beside rules->templates */
};

static const char *const facts[] = {"ticket.started",
                                    "ticket.moved",
                                    "ticket.assigned",
                                    "ticket.queued",
                                    "clock.level",
                                    "breach.withdrawn",
                                    NULL};
static const char *const audiences[] = {"staff", "customer", NULL};
/* Templates that commands use. */
static const char *const of_commands[] = {"reply", "call_task"};

static const struct yaml *read_notify_file(struct compiler *c, const struct policy_files *files,
                                           const char *name)
{
    const struct policy_file *file = policy_find(files, name);
    if (file == NULL) {
        if (!c->reader.failed) err_set(c->reader.err, "%s: the file is missing", name);
        c->reader.failed = true;
        return NULL;
    }
    const struct yaml *top =
        c->reader.failed ? NULL : yaml_read(file->body, name, c->arena, c->reader.err);
    c->reader.failed = top == NULL;
    return top;
}

/* --- templates --- */

static void read_template(struct compiler *c, const struct yaml *file)
{
    struct template *out = &c->rules->templates[c->rules->templates_n];
    yaml_only(&c->reader, file,
              (const char *[]){"id", "version", "locale", "audience", "channels", "rule",
                               "elements", "uses", "subject", "body", NULL});
    out->id = yaml_text(&c->reader, file, "id");
    out->locale = yaml_text(&c->reader, file, "locale");
    out->version = yaml_int(&c->reader, file, "version", 1, 1000000);
    out->customer = yaml_choice(&c->reader, file, "audience", audiences) == 1;
    out->subject = yaml_text(&c->reader, file, "subject");
    out->body = yaml_text(&c->reader, file, "body");
    text name = arena_printf(c->arena, "templates/%.*s/%.*s.yaml", TEXT_ARG(out->locale),
                             TEXT_ARG(out->id));
    if (!c->reader.failed && !text_is(name, file->file))
        yaml_fail(&c->reader, file, "id and locale would make it %s", name.at);
    c->files[c->rules->templates_n++] = file;
}

static void read_words(struct compiler *c, const struct yaml *file)
{
    size_t n = 0;
    YAML_EACH(section, file) YAML_EACH(code, section) n += yaml_count(code);
    c->rules->words = ARENA_ARRAY(c->arena, struct word, n + 1);
    YAML_EACH(section, file)
    {
        YAML_EACH(code, section)
        {
            YAML_EACH(is, code)
            c->rules->words[c->rules->words_n++] =
                (struct word){section->key, code->key, is->key, yaml_value(&c->reader, is)};
        }
    }
    qsort(c->rules->words, c->rules->words_n, sizeof(struct word), rules_compare_words);
}

static void read_templates(struct compiler *c, const struct policy_files *files)
{
    c->rules->templates = ARENA_ARRAY(c->arena, struct template, COUNT(c->files));
    for (size_t i = 0; i < files->n && !c->reader.failed; i++) {
        text name = arena_text(c->arena, files->at[i].name);
        if (!text_starts(name, "templates/")) continue;
        const struct yaml *file = yaml_read(files->at[i].body, name.at, c->arena, c->reader.err);
        c->reader.failed = file == NULL;
        if (file == NULL) return;
        if (text_is(name, "templates/words.yaml"))
            read_words(c, file);
        else if (c->rules->templates_n < COUNT(c->files))
            read_template(c, file);
        else
            yaml_fail(&c->reader, file, "there are more than %zu templates", COUNT(c->files));
    }
}

/* Every placeholder of the template, in every locale, has a value when it is used for such a
   fact. */
static void check_template(struct compiler *c, const struct yaml *user, text id, enum fact fact,
                           uint32_t more)
{
    struct err err;
    if (c->reader.failed) return;
    if (rules_template(c->rules, id, text_of(rules_locale)) == NULL) {
        yaml_fail(&c->reader, user, "there is no template templates/%s/%.*s.yaml", rules_locale,
                  TEXT_ARG(id));
        return;
    }
    for (size_t i = 0; i < c->rules->templates_n; i++) {
        const struct template *template = &c->rules->templates[i];
        uint32_t allowed = (rules_values_of(fact) & ~VALUE_BIT(VALUE_SEQ)) | more;
        if (!text_equal(template->id, id)) continue;
        if (template_check(template->subject,
                           allowed & ~(VALUE_BIT(VALUE_WORDS) | VALUE_BIT(VALUE_ANSWER)), &err) < 0)
            yaml_fail(&c->reader, yaml_get(c->files[i], "subject"), "%s", err.message);
        if (template_check(template->body, allowed, &err) < 0)
            yaml_fail(&c->reader, yaml_get(c->files[i], "body"), "%s", err.message);
    }
}

/* --- notify.yaml --- */

static void read_conditions(struct compiler *c, const struct yaml *node, struct notify_rule *out)
{
    static const char *const no_yes[] = {"false", "true", NULL};
    out->kinds = yaml_texts(&c->reader, node, "kinds", c->arena);
    out->steps = yaml_texts(&c->reader, node, "steps", c->arena);
    out->clocks = yaml_texts(&c->reader, node, "clocks", c->arena);
    out->levels = yaml_texts(&c->reader, node, "levels", c->arena);
    out->how = yaml_texts(&c->reader, node, "how", c->arena);
    out->round_from = yaml_int_or(&c->reader, node, "round_from", 0, 1000, 0);
    out->breached = yaml_choice_or(&c->reader, node, "breached", no_yes, EITHER);
    out->unless_answered =
        yaml_choice_or(&c->reader, node, "unless", (const char *[]){"answered", NULL}, -1) == 0;
}

static void check_call(struct compiler *c, const struct yaml *node, const struct notify_rule *rule)
{
    bool call = rules_have(&rule->channels, TEXT("call"));
    if (call && rule->purpose.len == 0) yaml_fail(&c->reader, node, "a call needs a purpose");
    if (call && text_is(rule->to, "customer"))
        yaml_fail(&c->reader, node, "a call is a task of a person of the staff");
    if (rule->urgent.len > 0 && rules_urgency(c->rules, rule->urgent) == NULL)
        yaml_fail(&c->reader, yaml_get(node, "urgent"),
                  "there is no such urgency reason in quiet.yaml");
}

static void read_rule(struct compiler *c, const struct yaml *node, struct notify_rule *out)
{
    struct err err;
    yaml_only(&c->reader, node,
              (const char *[]){"on", "kinds", "steps", "clocks", "levels", "how", "round_from",
                               "breached", "unless", "template", "to", "channels", "cause",
                               "urgent", "not_to", "purpose", "due", "rule", NULL});
    out->on = (enum fact)yaml_choice(&c->reader, node, "on", facts);
    read_conditions(c, node, out);
    out->template = yaml_text(&c->reader, node, "template");
    out->to = yaml_text(&c->reader, node, "to");
    out->channels = yaml_texts(&c->reader, node, "channels", c->arena);
    out->cause = yaml_text(&c->reader, node, "cause");
    out->urgent = yaml_text_or(&c->reader, node, "urgent", NULL);
    out->not_to = yaml_text_or(&c->reader, node, "not_to", NULL);
    out->purpose = yaml_text_or(&c->reader, node, "purpose", NULL);
    if (yaml_get(node, "due") != NULL) out->due = span_natural(yaml_span(&c->reader, node, "due"));
    if (c->reader.failed) return;
    if (template_check(out->cause, rules_values_of(out->on), &err) < 0)
        yaml_fail(&c->reader, yaml_get(node, "cause"), "%s", err.message);
    check_call(c, node, out);
    check_template(c, node, out->template, out->on, out->due != 0 ? VALUE_BIT(VALUE_DUE_AT) : 0);
}

static void read_notify(struct compiler *c, const struct policy_files *files)
{
    const struct yaml *top = read_notify_file(c, files, "notify.yaml");
    if (top == NULL) return;
    yaml_only(&c->reader, top, (const char *[]){"messages", "next_up", "optional_roles", NULL});
    const struct yaml *ups = yaml_map(&c->reader, top, "next_up");
    c->rules->ups = ARENA_ARRAY(c->arena, struct up, yaml_count(ups) + 1);
    YAML_EACH(up, ups)
    c->rules->ups[c->rules->ups_n++] =
        (struct up){up->key, yaml_texts(&c->reader, ups, up->key.at, c->arena)};
    c->rules->optional = yaml_texts(&c->reader, top, "optional_roles", c->arena);
    const struct yaml *list = yaml_list(&c->reader, top, "messages");
    c->rules->at = ARENA_ARRAY(c->arena, struct notify_rule, yaml_count(list) + 1);
    YAML_EACH(node, list)
    {
        if (c->reader.failed) return;
        read_rule(c, node, &c->rules->at[c->rules->n++]);
    }
    for (size_t i = 0; i < COUNT(of_commands); i++)
        check_template(c, top, text_of(of_commands[i]), FACT_COMMAND, 0);
}

/* --- quiet.yaml --- */

static int32_t read_clock(struct compiler *c, const struct yaml *window, const char *key)
{
    int32_t second = 0;
    text clock = yaml_text(&c->reader, window, key);
    if (!c->reader.failed && !quiet_parse(clock, &second))
        yaml_fail(&c->reader, yaml_get(window, key), "must be HH:MM");
    return second;
}

static void read_windows(struct compiler *c, const struct yaml *top)
{
    struct quiet *quiet = &c->rules->quiet;
    const struct yaml *list = yaml_list(&c->reader, top, "windows");
    if (yaml_count(list) > QUIET_WINDOWS)
        yaml_fail(&c->reader, list, "at most %d windows", QUIET_WINDOWS);
    YAML_EACH(window, list)
    {
        if (c->reader.failed) return;
        yaml_only(&c->reader, window, (const char *[]){"from", "until", NULL});
        struct quiet_window *out = &quiet->windows[quiet->n++];
        out->from = read_clock(c, window, "from");
        out->until = read_clock(c, window, "until");
        if (!c->reader.failed && out->from == out->until)
            yaml_fail(&c->reader, window, "a window may not last a whole day");
    }
    if (!c->reader.failed && quiet_end(quiet, c->rules->zone, 0) < 0)
        yaml_fail(&c->reader, list, "no hour is left for calls");
}

/* Zones are read once and kept: policies come and go, also those that are only checked. */
static const struct zone *known_zone(text name, struct err *err)
{
    static struct {
        char *name;
        struct zone *zone;
    } known[64];
    for (size_t i = 0; i < COUNT(known); i++) {
        if (known[i].zone != NULL && text_is(name, known[i].name)) return known[i].zone;
        if (known[i].zone != NULL) continue;
        known[i].zone = zone_load(name, err);
        known[i].name = known[i].zone == NULL ? NULL : mem_string(name);
        return known[i].zone;
    }
    err_set(err, "more than %zu zones", COUNT(known));
    return NULL;
}

static const struct zone *read_zone(struct compiler *c, const struct yaml *node, text name)
{
    struct err err;
    const struct zone *zone = c->reader.failed ? NULL : known_zone(name, &err);
    if (zone == NULL && !c->reader.failed) yaml_fail(&c->reader, node, "%s", err.message);
    return zone;
}

static void read_zones(struct compiler *c, const struct yaml *top)
{
    c->rules->zone = read_zone(c, yaml_get(top, "zone"), yaml_text(&c->reader, top, "zone"));
    const struct yaml *zones = yaml_get(top, "zones");
    c->rules->zones = ARENA_ARRAY(c->arena, struct zone_of_unit, yaml_count(zones) + 1);
    YAML_EACH(zone, zones)
    c->rules->zones[c->rules->zones_n++] =
        (struct zone_of_unit){zone->key, read_zone(c, zone, yaml_value(&c->reader, zone))};
}

static void read_urgencies(struct compiler *c, const struct yaml *top)
{
    const struct yaml *list = yaml_list(&c->reader, top, "urgency_reasons");
    c->rules->urgencies = ARENA_ARRAY(c->arena, struct urgency, yaml_count(list) + 1);
    YAML_EACH(reason, list)
    {
        struct urgency *out = &c->rules->urgencies[c->rules->urgencies_n++];
        yaml_only(&c->reader, reason, (const char *[]){"code", "zh", "en", "within", "rule", NULL});
        out->code = yaml_text(&c->reader, reason, "code");
        if (yaml_get(reason, "within") != NULL)
            out->within = span_natural(yaml_span(&c->reader, reason, "within"));
    }
}

static void read_quiet(struct compiler *c, const struct policy_files *files)
{
    const struct yaml *top = read_notify_file(c, files, "quiet.yaml");
    if (top == NULL) return;
    yaml_only(&c->reader, top,
              (const char *[]){"rule", "zone", "zones", "windows", "channels", "release",
                               "urgency_reasons", "outbound", "call_outcomes", NULL});
    read_zones(c, top);
    if (c->reader.failed) return;
    c->rules->quiet_channels = yaml_texts(&c->reader, top, "channels", c->arena);
    const struct yaml *release = yaml_map(&c->reader, top, "release");
    c->rules->quiet.spread = span_natural(yaml_span(&c->reader, release, "spread"));
    read_windows(c, top);
    read_urgencies(c, top);
    const struct yaml *outbound = yaml_map(&c->reader, top, "outbound");
    c->rules->max_attempts = yaml_int(&c->reader, outbound, "max_attempts", 1, 20);
    c->rules->min_gap = span_natural(yaml_span(&c->reader, outbound, "min_gap"));
}

/* --- all --- */

static const void *compile_notify_rules(const struct policy_files *files, struct arena *arena,
                                        struct err *err)
{
    struct compiler *c = ARENA_NEW(arena, struct compiler);
    *c = (struct compiler){
        .reader = {.err = err}, .arena = arena, .rules = ARENA_NEW(arena, struct notify_rules)};
    read_quiet(c, files);
    read_templates(c, files);
    read_notify(c, files);
    return c->reader.failed ? NULL : c->rules;
}

const struct policy_owner notification_policy = {
    .files = (const char *const[]){"notify.yaml", "quiet.yaml", "templates/", NULL},
    .compile = compile_notify_rules,
};
