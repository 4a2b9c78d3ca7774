#include "policy/flow_step.h"

static const char *const step_keys[] = {"id",
                                        "from",
                                        "on",
                                        "to",
                                        "by",
                                        "who",
                                        "instead",
                                        "handler",
                                        "needs",
                                        "may",
                                        "when",
                                        "unless",
                                        "round_from",
                                        "round_below",
                                        "refusals_below",
                                        "attempts_from",
                                        "starts",
                                        "stops",
                                        "sets",
                                        "clears",
                                        "restarts",
                                        "say",
                                        "not_same_as",
                                        "next_round",
                                        "opens",
                                        "links",
                                        "refusal",
                                        "opens_field",
                                        "due",
                                        "rule",
                                        "what",
                                        "auto",
                                        "only",
                                        "except",
                                        NULL};
static const char *const handlers[] = {"keep",  "queue", "owner",  "actor",
                                       "named", "back",  "nobody", NULL};
static const char *const whos[] = {"anyone", "handler", "owner", "handler or owner", NULL};
static const char *const autos[] = {"no", "entry", "due", NULL};
static const char *const need_types[] = {"text", "time", "id", "staff", "choice", "tick", NULL};

/* A number, or the key of a setting that holds one. 0 if absent. */
static int64_t read_count(struct flow_loading *loading, const struct yaml *step, const char *key)
{
    const struct yaml *node = yaml_get(step, key);
    if (node == NULL) return 0;
    text value = node->value, named = flow_setting(loading->flow, value.at == NULL ? "" : value.at);
    int64_t number = 0;
    if (named.len > 0) value = named;
    if (!text_to_int(value, &number) || number < 1)
        yaml_fail(&loading->reader, node,
                  "must be a number from 1, or the key of a setting that is one");
    return number;
}

static const struct flow_instead *read_instead(struct flow_loading *loading,
                                               const struct yaml *node, size_t *n)
{
    *n = 0;
    if (node != NULL && node->kind != YAML_MAP)
        yaml_fail(&loading->reader, node, "must be a map of flag and role");
    if (node == NULL || node->kind != YAML_MAP) return NULL;
    struct flow_instead *all = ARENA_ARRAY(loading->arena, struct flow_instead, node->n);
    YAML_EACH(entry, node)
    {
        all[(*n)++] = (struct flow_instead){entry->key, yaml_value(&loading->reader, entry)};
        if (!flow_has(loading->flow->flags, entry->key))
            yaml_fail(&loading->reader, entry, "is not a known flag");
        if (!flow_has(loading->roles, entry->value))
            yaml_fail(&loading->reader, entry, "%s is not a known role", entry->value.at);
    }
    return all;
}

static const struct flow_state *last_state(const struct flow_loading *loading,
                                           const struct flow_step *step)
{
    return step->to.n == 0 ? NULL : flow_state(loading->flow, step->to.at[step->to.n - 1]);
}

static void read_handler(struct flow_loading *loading, const struct yaml *node,
                         struct flow_step *step)
{
    static const char *const keys[] = {"from", "role", "field", "instead", NULL};
    const struct flow_state *to = last_state(loading, step);
    const struct yaml *said = yaml_get(node, "handler");
    step->handler = FLOW_NOBODY;
    if (to == NULL || to->end) return; /* an unknown state is told by flow_check() */
    step->handler_role = to->answers;
    step->handler_field = TEXT("handler");
    if (said == NULL) {
        yaml_fail(&loading->reader, node,
                  "%.40s: handler is missing: who answers in the new state (ORG-21)", step->id.at);
    } else if (said->kind == YAML_MAP) {
        yaml_only(&loading->reader, said, keys);
        step->handler = (enum flow_handler)yaml_choice(&loading->reader, said, "from", handlers);
        step->handler_role = yaml_text_or(&loading->reader, said, "role", to->answers.at);
        step->handler_field = yaml_text_or(&loading->reader, said, "field", "handler");
        step->handler_instead =
            read_instead(loading, yaml_get(said, "instead"), &step->handler_instead_n);
    } else {
        step->handler = (enum flow_handler)yaml_choice(&loading->reader, node, "handler", handlers);
    }
    if (!flow_has(loading->roles, step->handler_role))
        yaml_fail(&loading->reader, node, "handler: %.40s is not a known role",
                  step->handler_role.at);
}

static const struct yaml *find_field(const struct flow_loading *loading, text name)
{
    const struct yaml *places[] = {loading->top, loading->exits, loading->words};
    for (size_t i = 0; i < COUNT(places); i++) {
        const struct yaml *field = yaml_get(yaml_get(places[i], "fields"), name.at);
        if (field != NULL) return field;
    }
    return NULL;
}

static void read_need(struct flow_loading *loading, const struct yaml *step, text name,
                      struct flow_need *need)
{
    static const char *const keys[] = {"type", "of", "zh", "en", "role", "when", "rule", NULL};
    struct yaml_reader *reader = &loading->reader;
    const struct yaml *field = find_field(loading, name);
    if (field == NULL) {
        yaml_fail(reader, step, "needs: %.40s is not among the fields", name.at);
        return;
    }
    yaml_only(reader, field, keys);
    need->name = field->key;
    need->type = (enum flow_need_type)yaml_choice(reader, field, "type", need_types);
    need->zh = yaml_text(reader, field, "zh");
    need->en = yaml_text(reader, field, "en");
    need->rule = yaml_text(reader, field, "rule");
    need->role = yaml_text_or(reader, field, "role", NULL);
    need->when = yaml_text_or(reader, field, "when", NULL);
    need->choices = yaml_texts(reader, field, "of", loading->arena);
    if ((need->type == FLOW_NEED_CHOICE) != (need->choices.n > 0))
        yaml_fail(reader, field, "`of` goes with type choice");
    if (need->when.len > 0 && !flow_has(loading->flow->flags, need->when))
        yaml_fail(reader, field, "when: is not a known flag");
}

static void read_needs(struct flow_loading *loading, const struct yaml *node,
                       struct flow_step *step)
{
    struct yaml_texts needs = yaml_texts(&loading->reader, node, "needs", loading->arena);
    struct yaml_texts may = yaml_texts(&loading->reader, node, "may", loading->arena);
    struct flow_need *all = ARENA_ARRAY(loading->arena, struct flow_need, needs.n + may.n);
    if (loading->reader.failed) return;
    for (size_t i = 0; i < needs.n + may.n; i++) {
        read_need(loading, node, i < needs.n ? needs.at[i] : may.at[i - needs.n], &all[i]);
        all[i].optional = i >= needs.n;
    }
    step->needs = all;
    step->needs_n = needs.n + may.n;
}

/* A list whose items must be among the known. */
static struct yaml_texts read_known(struct flow_loading *loading, const struct yaml *node,
                                    const char *key, struct yaml_texts known)
{
    struct yaml_texts texts = yaml_texts(&loading->reader, node, key, loading->arena);
    for (size_t i = 0; i < texts.n; i++) {
        if (!flow_has(known, texts.at[i]))
            yaml_fail(&loading->reader, yaml_get(node, key), "%.60s is not known in this flow",
                      texts.at[i].at);
    }
    return texts;
}

static void read_guards(struct flow_loading *loading, const struct yaml *node,
                        struct flow_step *step)
{
    step->round_below = read_count(loading, node, "round_below");
    step->round_from = read_count(loading, node, "round_from");
    step->refusals_below = read_count(loading, node, "refusals_below");
    step->attempts_from = read_count(loading, node, "attempts_from");
    step->when = read_known(loading, node, "when", loading->flow->flags);
    step->unless = read_known(loading, node, "unless", loading->flow->flags);
    step->not_same_as = yaml_texts(&loading->reader, node, "not_same_as", loading->arena);
}

static void read_effects(struct flow_loading *loading, const struct yaml *node,
                         struct flow_step *step)
{
    struct yaml_reader *reader = &loading->reader;
    const struct flow *flow = loading->flow;
    step->starts = read_known(loading, node, "starts", flow->clocks);
    step->stops = read_known(loading, node, "stops", flow->clocks);
    step->restarts = read_known(loading, node, "restarts", flow->clocks);
    step->sets = read_known(loading, node, "sets", flow->flags);
    step->clears = read_known(loading, node, "clears", flow->flags);
    step->say = yaml_texts(reader, node, "say", loading->arena);
    step->next_round = yaml_bool_or(reader, node, "next_round", false);
    step->refusal = yaml_bool_or(reader, node, "refusal", false);
    step->opens = yaml_text_or(reader, node, "opens", NULL);
    step->opens_field = yaml_text_or(reader, node, "opens_field", NULL);
    step->links_field = yaml_text_or(reader, node, "links", NULL);
}

static void read_setting_due(struct flow_loading *loading, const struct yaml *node, text key,
                             struct flow_due *due)
{
    text value = flow_setting(loading->flow, key.at == NULL ? "" : key.at);
    due->setting = key;
    if (value.len == 0) {
        yaml_fail(&loading->reader, node, "%.60s is neither a clock nor a setting of this flow",
                  key.at);
    } else if (text_is(value, "daily") || text_is(value, "weekly") || text_is(value, "monthly")) {
        due->kind = FLOW_DUE_CYCLE;
        due->cycle = value;
    } else if (!span_parse(value, &due->span)) {
        yaml_fail(&loading->reader, node, "%.60s is %.40s, which is no length of time", key.at,
                  value.at);
    }
}

static void read_emergency(struct flow_loading *loading, const struct yaml *node,
                           struct flow_due *due)
{
    text key = yaml_text_or(&loading->reader, node, "emergency", NULL);
    if (key.len > 0 && !span_parse(flow_setting(loading->flow, key.at), &due->emergency))
        yaml_fail(&loading->reader, node, "emergency: %.60s is not a setting with a length of time",
                  key.at);
}

/* {setting | clock | field | before + by, from: contact, emergency: setting} */
static void read_due_map(struct flow_loading *loading, const struct yaml *node,
                         struct flow_due *due)
{
    static const char *const keys[] = {"setting", "clock", "field",     "before",
                                       "by",      "from",  "emergency", NULL};
    struct yaml_reader *reader = &loading->reader;
    yaml_only(reader, node, keys);
    due->field = yaml_text_or(reader, node, "field", NULL);
    due->clock =
        yaml_text_or(reader, node, yaml_get(node, "before") != NULL ? "before" : "clock", NULL);
    due->from_contact = text_is(yaml_text_or(reader, node, "from", "event"), "contact");
    read_emergency(loading, node, due);
    const char *named = yaml_get(node, "before") != NULL ? "by" : "setting";
    if (due->field.len == 0 && yaml_get(node, "clock") == NULL)
        read_setting_due(loading, node, yaml_text(reader, node, named), due);
    if (due->field.len > 0) due->kind = FLOW_DUE_FIELD;
    if (due->clock.len > 0)
        due->kind = yaml_get(node, "before") != NULL ? FLOW_DUE_BEFORE : FLOW_DUE_CLOCK;
    if (due->clock.len > 0 && !flow_has(loading->flow->clocks, due->clock))
        yaml_fail(reader, node, "%.40s is not a clock of this flow", due->clock.at);
}

static void read_due(struct flow_loading *loading, const struct yaml *step, struct flow_due *due)
{
    const struct yaml *node = yaml_get(step, "due");
    if (node == NULL) {
        yaml_fail(&loading->reader, step, "due is missing: every step has a time node (ORG-21)");
    } else if (node->kind == YAML_MAP) {
        read_due_map(loading, node, due);
    } else if (text_is(node->value, "default")) {
        due->as = TEXT("default");
    } else if (text_starts(node->value, "as ")) {
        due->as = (text){node->value.at + 3, node->value.len - 3};
    } else if (flow_has(loading->flow->clocks, node->value)) {
        due->kind = FLOW_DUE_CLOCK;
        due->clock = node->value;
    } else {
        read_setting_due(loading, node, node->value, due);
    }
}

static void read_places(struct flow_loading *loading, const struct yaml *node,
                        struct flow_step *step)
{
    struct yaml_reader *reader = &loading->reader;
    step->from = yaml_texts(reader, node, "from", loading->arena);
    step->to = yaml_texts(reader, node, "to", loading->arena);
    step->any = step->from.n == 1 && text_is(step->from.at[0], "any");
    step->begins = step->from.n == 1 && text_is(step->from.at[0], "nowhere");
    if (step->from.n == 0 || step->to.n == 0)
        yaml_fail(reader, node, "%.40s: from or to is missing", step->id.at);
    if (step->any || step->begins) step->from = (struct yaml_texts){0};
}

void flow_read_step(struct flow_loading *loading, const struct yaml *node, bool is_exit,
                    struct flow_step *step)
{
    struct yaml_reader *reader = &loading->reader;
    yaml_only(reader, node, step_keys);
    if (reader->failed) return;
    step->line = node->line;
    step->is_exit = is_exit;
    step->id = yaml_text(reader, node, "id");
    step->what = yaml_text(reader, node, "what");
    step->action = yaml_text(reader, node, "on");
    step->rule = yaml_text_or(reader, node, "rule", step->id.at);
    step->by = read_known(loading, node, "by", loading->roles);
    if (step->by.n == 0)
        yaml_fail(reader, node, "by is missing: every step has a responsible role (ORG-21)");
    step->who = (enum flow_who)yaml_choice_or(reader, node, "who", whos, FLOW_ANYONE);
    step->automatic = (enum flow_auto)yaml_choice_or(reader, node, "auto", autos, FLOW_BY_HAND);
    step->instead = read_instead(loading, yaml_get(node, "instead"), &step->instead_n);
    read_places(loading, node, step);
    if (reader->failed) return;
    read_handler(loading, node, step);
    read_needs(loading, node, step);
    read_guards(loading, node, step);
    read_effects(loading, node, step);
    read_due(loading, node, &step->due);
}
