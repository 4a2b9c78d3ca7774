#include "policy.h"

#include "data/yaml.h"

const char *const intake_kinds[KINDS + 1] = {"inquiry", "complaint", "suggestion", "repair", NULL};

int intake_index(const char *const *names, text name)
{
    for (int i = 0; names[i] != NULL; i++)
        if (text_is(name, names[i])) return i;
    return -1;
}

const struct intake_topic *intake_topic_find(const struct intake_policy *policy,
                                             enum intake_kind kind, text code)
{
    for (size_t i = 0; i < policy->topics[kind].n; i++)
        if (text_equal(policy->topics[kind].at[i].code, code)) return &policy->topics[kind].at[i];
    return NULL;
}

struct compiler {
    struct yaml_reader reader;
    struct arena *arena;
    struct intake_policy *out;
};

static void compile_topic(struct compiler *c, const struct yaml *from, enum intake_kind kind)
{
    static const char *const classes[] = {"emergency", "normal", "project", NULL};
    const struct intake_topic *topics = c->out->topics[kind].at;
    struct intake_topic *topic = (struct intake_topic *)&topics[c->out->topics[kind].n];
    yaml_only(&c->reader, from,
              (const char *[]){"code", "zh", "en", "department", "class", "danger", "priority",
                               "sets", NULL});
    text code = yaml_text(&c->reader, from, "code");
    yaml_text(&c->reader, from, "zh");
    yaml_text(&c->reader, from, "en");
    if (!c->reader.failed && intake_topic_find(c->out, kind, code) != NULL)
        yaml_fail(&c->reader, from, "topic %.*s stands there twice", TEXT_ARG(code));
    topic->code = code;
    if (kind == KIND_REPAIR)
        topic->class = text_of(classes[yaml_choice(&c->reader, from, "class", classes)]);
    topic->danger = yaml_bool_or(&c->reader, from, "danger", false);
    c->out->topics[kind].n++;
}

static void compile_topics(struct compiler *c, const struct yaml *top)
{
    yaml_only(&c->reader, top,
              (const char *[]){"inquiry", "complaint", "suggestion", "repair", "repair_sources",
                               "safety_question", NULL});
    for (int kind = 0; kind < KINDS; kind++) {
        const struct yaml *topics =
            yaml_list(&c->reader, yaml_map(&c->reader, top, intake_kinds[kind]), "topics");
        c->out->topics[kind].at = ARENA_ARRAY(c->arena, struct intake_topic, yaml_count(topics));
        YAML_EACH(topic, topics) compile_topic(c, topic, (enum intake_kind)kind);
    }
}

static const struct yaml *read_intake_file(struct compiler *c, const struct policy_files *files,
                                           const char *name)
{
    const struct policy_file *file = policy_find(files, name);
    if (file != NULL) return yaml_read(file->body, name, c->arena, c->reader.err);
    yaml_fail(&c->reader, NULL, "the policy lacks %s", name);
    return NULL;
}

static const void *compile_intake_policy(const struct policy_files *files, struct arena *arena,
                                         struct err *err)
{
    struct compiler c = {
        .reader = {.err = err}, .arena = arena, .out = ARENA_NEW(arena, struct intake_policy)};
    const struct yaml *topics = read_intake_file(&c, files, "topics.yaml");
    const struct yaml *complaint =
        topics == NULL ? NULL : read_intake_file(&c, files, "flows/complaint.yaml");
    if (complaint == NULL) return NULL;
    compile_topics(&c, topics);
    const struct yaml *settings = yaml_map(&c.reader, complaint, "settings");
    const struct yaml *window = yaml_map(&c.reader, settings, "complaint.repeat_window_days");
    struct span span = yaml_span(&c.reader, window, "is");
    c.out->repeat_window = span_natural(span);
    if (!c.reader.failed && c.out->repeat_window == 0)
        yaml_fail(&c.reader, window, "must be in natural time, such as 90d");
    return c.reader.failed ? NULL : c.out;
}

static const char *const owned[] = {"topics.yaml", "flows/complaint.yaml", NULL};
const struct policy_owner intake_policy_owner = {.files = owned, .compile = compile_intake_policy};
