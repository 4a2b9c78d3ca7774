#include "policy/flow_load.h"

#include "policy/flow_check.h"
#include "policy/flow_step.h"

#include <string.h>

static const char *const flow_keys[] = {"flow",     "zh",    "en",     "rule",   "exits", "clocks",
                                        "settings", "flags", "states", "fields", "steps", NULL};
static const char *const word_keys[] = {"settings", "roles", "flags", "fields", NULL};
static const char *const exit_keys[] = {"states", "fields", "steps", NULL};
static const char *const state_keys[] = {"start", "end",   "opened", "answers", "starts",
                                         "waits", "stage", "zh",     "en",      NULL};
static const char *const setting_keys[] = {"is", "rule", "unset_by_customer", NULL};
static const char *const handlers[] = {"keep",  "queue", "owner",  "actor",
                                       "named", "back",  "nobody", NULL};

static const struct policy_file *find_file(const struct policy_files *files, const char *name)
{
    for (size_t i = 0; i < files->n; i++) {
        if (text_is(files->at[i].name, name)) return &files->at[i];
    }
    return NULL;
}

static const struct yaml *read_shared(struct flow_loading *loading,
                                      const struct policy_files *files, const char *name,
                                      const char *const *keys)
{
    const struct policy_file *file = find_file(files, name);
    if (file == NULL) {
        yaml_fail(&loading->reader, NULL, "%s is missing", name);
        return NULL;
    }
    const struct yaml *top = yaml_read(file->body, name, loading->arena, loading->reader.err);
    if (top == NULL) loading->reader.failed = true;
    yaml_only(&loading->reader, top, keys);
    return top;
}

static void read_settings(struct flow_loading *loading, const struct yaml *map,
                          struct flow_setting **next)
{
    YAML_EACH(node, map)
    {
        yaml_only(&loading->reader, node, setting_keys);
        *(*next)++ = (struct flow_setting){
            .key = node->key,
            .value = yaml_text(&loading->reader, node, "is"),
            .rule = yaml_text(&loading->reader, node, "rule"),
            .unset_by_customer = yaml_bool_or(&loading->reader, node, "unset_by_customer", false),
        };
    }
}

static void read_all_settings(struct flow_loading *loading)
{
    const struct yaml *own = yaml_get(loading->top, "settings"),
                      *shared = yaml_get(loading->words, "settings");
    size_t n = yaml_count(own) + yaml_count(shared);
    struct flow_setting *settings = ARENA_ARRAY(loading->arena, struct flow_setting, n),
                        *next = settings;
    read_settings(loading, own, &next);
    read_settings(loading, shared, &next);
    loading->flow->settings = settings;
    loading->flow->settings_n = n;
}

static void read_states(struct flow_loading *loading, const struct yaml *map,
                        struct flow_state **next)
{
    struct yaml_reader *reader = &loading->reader;
    YAML_EACH(node, map)
    {
        yaml_only(reader, node, state_keys);
        struct flow_state *state = (*next)++;
        state->name = node->key;
        state->line = node->line;
        state->zh = yaml_text(reader, node, "zh");
        state->en = yaml_text(reader, node, "en");
        state->stage = yaml_text_or(reader, node, "stage", NULL);
        state->start = yaml_bool_or(reader, node, "start", false);
        state->end = yaml_bool_or(reader, node, "end", false);
        state->waits = yaml_bool_or(reader, node, "waits", false);
        state->opened =
            (enum flow_handler)yaml_choice_or(reader, node, "opened", handlers, FLOW_NOBODY);
        state->starts = yaml_texts(reader, node, "starts", loading->arena);
        state->answers = state->end ? (text){0} : yaml_text(reader, node, "answers");
        if (state->start && state->opened == FLOW_NOBODY)
            yaml_fail(reader, node, "opened is missing: where the first handler comes from");
    }
}

static void read_all_states(struct flow_loading *loading, const struct yaml *exits)
{
    const struct yaml *own = yaml_map(&loading->reader, loading->top, "states");
    const struct yaml *shared = yaml_get(exits, "states");
    size_t n = yaml_count(own) + yaml_count(shared);
    struct flow_state *states = ARENA_ARRAY(loading->arena, struct flow_state, n), *next = states;
    read_states(loading, own, &next);
    read_states(loading, shared, &next);
    loading->flow->states = states;
    loading->flow->states_n = n;
}

/* Does a shared exit stand in this flow? */
static bool is_for(struct flow_loading *loading, const struct yaml *node)
{
    struct yaml_texts only = yaml_texts(&loading->reader, node, "only", loading->arena);
    struct yaml_texts except = yaml_texts(&loading->reader, node, "except", loading->arena);
    text kind = loading->flow->kind;
    return (only.n == 0 || flow_has(only, kind)) && !flow_has(except, kind);
}

static void read_all_steps(struct flow_loading *loading, const struct yaml *exits)
{
    const struct yaml *own = yaml_list(&loading->reader, loading->top, "steps");
    const struct yaml *shared = yaml_get(exits, "steps");
    size_t most = yaml_count(own) + yaml_count(shared), n = 0;
    struct flow_step *steps = ARENA_ARRAY(loading->arena, struct flow_step, most);
    loading->flow->steps = steps;
    YAML_EACH(node, own) flow_read_step(loading, node, false, &steps[n++]);
    YAML_EACH(node, shared)
    {
        if (is_for(loading, node)) flow_read_step(loading, node, true, &steps[n++]);
    }
    loading->flow->steps_n = n;
}

static struct yaml_texts join(struct arena *arena, struct yaml_texts a, struct yaml_texts b)
{
    text *all = ARENA_ARRAY(arena, text, a.n + b.n);
    for (size_t i = 0; i < a.n + b.n; i++) all[i] = i < a.n ? a.at[i] : b.at[i - a.n];
    return (struct yaml_texts){all, a.n + b.n};
}

static void read_flow(struct flow_loading *loading, struct flow *flow)
{
    struct yaml_reader *reader = &loading->reader;
    const struct yaml *top = loading->top;
    loading->flow = flow;
    yaml_only(reader, top, flow_keys);
    flow->kind = yaml_text(reader, top, "flow");
    flow->zh = yaml_text(reader, top, "zh");
    flow->en = yaml_text(reader, top, "en");
    flow->rule = yaml_text(reader, top, "rule");
    flow->clocks = yaml_texts(reader, top, "clocks", loading->arena);
    flow->flags = join(loading->arena, yaml_texts(reader, loading->words, "flags", loading->arena),
                       yaml_texts(reader, top, "flags", loading->arena));
    const struct yaml *exits = yaml_bool_or(reader, top, "exits", false) ? loading->exits : NULL;
    read_all_settings(loading);
    read_all_states(loading, exits);
    if (!reader->failed) read_all_steps(loading, exits);
    if (!reader->failed) flow_resolve_due(loading);
    if (!reader->failed) flow_check(loading);
}

static bool is_flow_file(text name)
{
    static const char suffix[] = ".yaml";
    size_t len = sizeof(suffix) - 1;
    return text_starts(name, "flows/") && !text_starts(name, "flows/_") && name.len > len &&
           memcmp(name.at + name.len - len, suffix, len) == 0;
}

/* Checks that need all flows: kinds named twice, and kinds that steps open. */
static void check_kinds(struct flow_loading *loading, const struct flows *flows)
{
    for (size_t i = 0; i < flows->n; i++) {
        const struct flow *flow = &flows->at[i];
        if (flow_find(flows, flow->kind) != flow)
            yaml_fail(&loading->reader, NULL, "%s:1: flow: %s stands in two files", flow->name.at,
                      flow->kind.at);
        for (size_t k = 0; k < flow->steps_n; k++) {
            const struct flow_step *step = &flow->steps[k];
            if (step->opens.len > 0 && flow_find(flows, step->opens) == NULL)
                yaml_fail(&loading->reader, NULL, "%s:%d: %s: opens: there is no flow %s",
                          step->is_exit ? "flows/_exits.yaml" : flow->name.at, step->line,
                          step->id.at, step->opens.at);
        }
    }
}

const struct flows *flow_load(const struct policy_files *files, struct arena *arena,
                              struct err *err)
{
    struct flow_loading loading = {.arena = arena, .reader.err = err};
    loading.words = read_shared(&loading, files, "flows/_words.yaml", word_keys);
    loading.exits = read_shared(&loading, files, "flows/_exits.yaml", exit_keys);
    if (loading.reader.failed) return NULL;
    loading.roles = yaml_texts(&loading.reader, loading.words, "roles", arena);
    struct flow *all = ARENA_ARRAY(arena, struct flow, files->n);
    struct flows *flows = ARENA_NEW(arena, struct flows);
    flows->at = all;
    for (size_t i = 0; i < files->n && !loading.reader.failed; i++) {
        if (!is_flow_file(files->at[i].name)) continue;
        struct flow *flow = &all[flows->n++];
        flow->name = arena_text(arena, files->at[i].name);
        loading.top = yaml_read(files->at[i].body, flow->name.at, arena, err);
        if (loading.top == NULL) return NULL;
        read_flow(&loading, flow);
    }
    if (flows->n == 0) yaml_fail(&loading.reader, NULL, "flows/: there is no flow");
    if (!loading.reader.failed) check_kinds(&loading, flows);
    return loading.reader.failed ? NULL : flows;
}
