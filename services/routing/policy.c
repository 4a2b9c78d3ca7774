#include "policy.h"

#include "codes.h"
#include "policy/flow_load.h"

/* --- asking --- */

static bool pattern_fits(text wanted, text value)
{
    return wanted.len == 0 || text_equal(wanted, value);
}

static bool has_text(struct yaml_texts texts, text value)
{
    for (size_t i = 0; i < texts.n; i++)
        if (text_equal(texts.at[i], value)) return true;
    return false;
}

static bool fits_flag(text flag, const struct routing_case *which)
{
    return flag.len == 0 || names_have(which->flags, flag);
}

int64_t routing_priority(const struct routing_policy *policy, const struct routing_case *which)
{
    for (size_t i = 0; i < policy->priorities_n; i++) {
        const struct priority_rule *rule = &policy->priorities[i];
        if (pattern_fits(rule->kind, which->kind) && fits_flag(rule->flag, which))
            return rule->priority;
    }
    return policy->priority_default;
}

text routing_department(const struct routing_policy *policy, const struct routing_case *which)
{
    for (size_t i = 0; i < policy->topics_n; i++) {
        const struct topic_rule *rule = &policy->topics[i];
        if (pattern_fits(rule->kind, which->kind) && pattern_fits(rule->topic, which->topic) &&
            (rule->unit.len == 0 || which->in_unit(which->ctx, rule->unit)))
            return rule->department;
    }
    return (text){NULL, 0};
}

const struct queue_rule *routing_queue(const struct routing_policy *policy,
                                       const struct routing_case *which, text role)
{
    for (size_t i = 0; i + 1 < policy->queues_n; i++) {
        const struct queue_rule *rule = &policy->queues[i];
        if (pattern_fits(rule->kind, which->kind) && fits_flag(rule->flag, which) &&
            (rule->roles.n == 0 || has_text(rule->roles, role)))
            return rule;
    }
    return &policy->queues[policy->queues_n - 1];
}

const struct queue_rule *routing_queue_named(const struct routing_policy *policy, text name)
{
    for (size_t i = 0; i < policy->queues_n; i++)
        if (text_equal(policy->queues[i].name, name)) return &policy->queues[i];
    return NULL;
}

static bool stand_in_applies(const struct stand_in *rule, const struct routing_case *which)
{
    return rule->unit_type.len > 0 ? which->of_type(which->ctx, rule->unit_type)
                                   : fits_flag(rule->flag, which);
}

text routing_stand_in(const struct routing_policy *policy, const struct routing_case *which,
                      text role)
{
    for (size_t i = 0; i < policy->stand_ins_n; i++) {
        const struct stand_in *rule = &policy->stand_ins[i];
        if (text_equal(rule->role, role) && stand_in_applies(rule, which)) return rule->by;
    }
    return role;
}

static const struct role_rule *find_role(const struct routing_policy *policy, text name)
{
    for (size_t i = 0; i < policy->roles_n; i++)
        if (text_equal(policy->roles[i].name, name)) return &policy->roles[i];
    return NULL;
}

bool routing_counts(const struct routing_policy *policy, text own, text wanted)
{
    text each;
    while (names_next(&own, &each)) {
        const struct role_rule *role = find_role(policy, each);
        if (text_equal(each, wanted) || (role != NULL && has_text(role->counts_as, wanted)))
            return true;
    }
    return false;
}

bool routing_acts(const struct routing_policy *policy, const struct routing_case *which, text own,
                  text wanted)
{
    if (routing_counts(policy, own, wanted)) return true;
    for (size_t i = 0; i < policy->stand_ins_n; i++) {
        const struct stand_in *rule = &policy->stand_ins[i];
        if (text_equal(rule->role, wanted) && names_have(own, rule->by) &&
            stand_in_applies(rule, which))
            return true;
    }
    return false;
}

struct yaml_texts routing_roles(const struct routing_policy *policy,
                                const struct routing_case *which, text own, struct arena *arena)
{
    text all = own, each;
    for (text rest = own; names_next(&rest, &each);) {
        const struct role_rule *role = find_role(policy, each);
        for (size_t i = 0; role != NULL && i < role->counts_as.n; i++)
            all = names_add(all, role->counts_as.at[i], arena);
    }
    for (size_t i = 0; i < policy->stand_ins_n; i++) {
        const struct stand_in *rule = &policy->stand_ins[i];
        if (names_have(own, rule->by) && stand_in_applies(rule, which))
            all = names_add(all, rule->role, arena);
    }
    return names_split(all, arena);
}

/* --- compiling --- */

struct compiler {
    struct yaml_reader reader;
    struct arena *arena;
    struct routing_policy *out;
};

/* The rows under `key`, which is a map with `rows`, or the list itself. */
static const struct yaml *rows_of(struct compiler *c, const struct yaml *top, const char *key)
{
    const struct yaml *node = yaml_get(top, key);
    return node != NULL && node->kind == YAML_LIST ? node : yaml_list(&c->reader, node, "rows");
}

static text word(struct compiler *c, const struct yaml *row, const char *key)
{
    return yaml_text_or(&c->reader, row, key, NULL);
}

static void compile_priorities(struct compiler *c, const struct yaml *top)
{
    const struct yaml *rows = rows_of(c, top, "priority");
    struct priority_rule *at = ARENA_ARRAY(c->arena, struct priority_rule, yaml_count(rows));
    size_t n = 0;
    YAML_EACH(row, rows)
    {
        yaml_only(&c->reader, row, (const char *[]){"flag", "kind", "priority", "rule", NULL});
        at[n++] = (struct priority_rule){word(c, row, "flag"), word(c, row, "kind"),
                                         yaml_int(&c->reader, row, "priority", 1, 4)};
    }
    c->out->priorities = at;
    c->out->priorities_n = n;
    c->out->priority_default =
        yaml_int_or(&c->reader, yaml_get(top, "priority"), "default", 1, 4, 3);
}

static void compile_topics(struct compiler *c, const struct yaml *top)
{
    const struct yaml *rows = rows_of(c, top, "topic_map");
    struct topic_rule *at = ARENA_ARRAY(c->arena, struct topic_rule, yaml_count(rows));
    size_t n = 0;
    YAML_EACH(row, rows)
    {
        yaml_only(&c->reader, row,
                  (const char *[]){"kind", "topic", "unit", "department", "rule", NULL});
        at[n++] =
            (struct topic_rule){word(c, row, "kind"), word(c, row, "topic"), word(c, row, "unit"),
                                yaml_text(&c->reader, row, "department")};
    }
    c->out->topics = at;
    c->out->topics_n = n;
}

static const char *const queue_keys[] = {
    "name",           "zh",   "en",    "kind",   "flag", "roles", "departments",
    "per_department", "mode", "skill", "roster", "rule", NULL};

static struct queue_rule compile_queue(struct compiler *c, const struct yaml *row)
{
    yaml_only(&c->reader, row, queue_keys);
    text skill = yaml_text_or(&c->reader, row, "skill", "none");
    return (struct queue_rule){
        .name = yaml_text(&c->reader, row, "name"),
        .kind = word(c, row, "kind"),
        .flag = word(c, row, "flag"),
        .roles = yaml_texts(&c->reader, row, "roles", c->arena),
        .per_department = yaml_bool_or(&c->reader, row, "per_department", false),
        .manual = yaml_choice_or(&c->reader, row, "mode",
                                 (const char *[]){"automatic", "manual", NULL}, 0) == 1,
        .skill_of_kind = text_is(skill, "kind"),
        .skill = text_is(skill, "kind") || text_is(skill, "none") ? (text){NULL, 0} : skill,
        .emergency_roster = yaml_get(row, "roster") != NULL,
    };
}

static void compile_queues(struct compiler *c, const struct yaml *top)
{
    const struct yaml *rows = rows_of(c, top, "queues");
    struct queue_rule *at = ARENA_ARRAY(c->arena, struct queue_rule, yaml_count(rows) + 1);
    size_t n = 0;
    YAML_EACH(row, rows) at[n++] = compile_queue(c, row);
    at[n++] = (struct queue_rule){.name = TEXT("other")};
    c->out->queues = at;
    c->out->queues_n = n;
}

static void compile_stand_ins(struct compiler *c, const struct yaml *top)
{
    const struct yaml *rows = yaml_list(&c->reader, top, "stands_for");
    struct stand_in *at = ARENA_ARRAY(c->arena, struct stand_in, yaml_count(rows));
    size_t n = 0;
    YAML_EACH(row, rows)
    {
        yaml_only(&c->reader, row,
                  (const char *[]){"unit_type", "flag", "role", "by", "rule", NULL});
        if ((yaml_get(row, "unit_type") == NULL) == (yaml_get(row, "flag") == NULL))
            yaml_fail(&c->reader, row, "needs either unit_type or flag");
        at[n++] =
            (struct stand_in){word(c, row, "unit_type"), word(c, row, "flag"),
                              yaml_text(&c->reader, row, "role"), yaml_text(&c->reader, row, "by")};
    }
    c->out->stand_ins = at;
    c->out->stand_ins_n = n;
}

static void compile_routing(struct compiler *c, const struct yaml *top)
{
    const struct yaml *candidates = yaml_map(&c->reader, top, "candidates");
    const struct yaml *owner = yaml_get(top, "contact_owner");
    compile_priorities(c, top);
    compile_topics(c, top);
    compile_queues(c, top);
    compile_stand_ins(c, top);
    if (yaml_get(candidates, "max_open_cases") != NULL)
        c->out->most_open =
            given_int(yaml_int(&c->reader, candidates, "max_open_cases", 0, 1000000));
    c->out->first_handler_owns =
        text_is(yaml_text_or(&c->reader, owner, "otherwise", "first_handler"), "first_handler");
}

static struct yaml_texts permitted(struct compiler *c, const struct yaml *top, const char *name)
{
    const struct yaml *permission =
        yaml_map(&c->reader, yaml_map(&c->reader, top, "permissions"), name);
    return yaml_texts(&c->reader, permission, "roles", c->arena);
}

static void compile_roles(struct compiler *c, const struct yaml *top)
{
    const struct yaml *roles = yaml_map(&c->reader, top, "roles");
    struct role_rule *at = ARENA_ARRAY(c->arena, struct role_rule, yaml_count(roles));
    size_t n = 0;
    YAML_EACH(role, roles)
    at[n++] = (struct role_rule){arena_text(c->arena, role->key),
                                 yaml_texts(&c->reader, role, "counts_as", c->arena)};
    c->out->roles = at;
    c->out->roles_n = n;
    c->out->assign_roles = permitted(c, top, "assign_case");
    c->out->lower_roles = permitted(c, top, "lower_repair_class");
}

static const struct yaml *read_routing_file(struct compiler *c, const struct policy_files *files,
                                            const char *name)
{
    const struct policy_file *file = policy_find(files, name);
    if (file == NULL) {
        yaml_fail(&c->reader, NULL, "the policy lacks %s", name);
        return NULL;
    }
    return yaml_read(file->body, name, c->arena, c->reader.err);
}

static const void *compile_policy(const struct policy_files *files, struct arena *arena,
                                  struct err *err)
{
    struct compiler c = {
        .reader = {.err = err}, .arena = arena, .out = ARENA_NEW(arena, struct routing_policy)};
    c.out->flows = flow_load(files, arena, err);
    if (c.out->flows == NULL) return NULL;
    const struct yaml *routing = read_routing_file(&c, files, "routing.yaml");
    if (routing == NULL) return NULL;
    const struct yaml *organisation = read_routing_file(&c, files, "organisation.yaml");
    if (organisation == NULL) return NULL;
    compile_routing(&c, routing);
    compile_roles(&c, organisation);
    return c.reader.failed ? NULL : c.out;
}

static const char *const owned[] = {"flows/", "routing.yaml", "organisation.yaml", NULL};
const struct policy_owner routing_policy_owner = {.files = owned, .compile = compile_policy};
