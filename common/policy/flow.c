#include "policy/flow.h"

#include <stdio.h>

bool flow_has(struct yaml_texts texts, text name)
{
    for (size_t i = 0; i < texts.n; i++) {
        if (text_equal(texts.at[i], name)) return true;
    }
    return false;
}

const struct flow *flow_find(const struct flows *flows, text kind)
{
    for (size_t i = 0; i < flows->n; i++) {
        if (text_equal(flows->at[i].kind, kind)) return &flows->at[i];
    }
    return NULL;
}

const struct flow_state *flow_state(const struct flow *flow, text name)
{
    for (size_t i = 0; i < flow->states_n; i++) {
        if (text_equal(flow->states[i].name, name)) return &flow->states[i];
    }
    return NULL;
}

const struct flow_step *flow_step(const struct flow *flow, text id)
{
    for (size_t i = 0; i < flow->steps_n; i++) {
        if (text_equal(flow->steps[i].id, id)) return &flow->steps[i];
    }
    return NULL;
}

text flow_setting(const struct flow *flow, const char *key)
{
    for (size_t i = 0; i < flow->settings_n; i++) {
        if (text_is(flow->settings[i].key, key)) return flow->settings[i].value;
    }
    return (text){0};
}

int64_t flow_setting_int(const struct flow *flow, const char *key, int64_t fallback)
{
    int64_t value = 0;
    return text_to_int(flow_setting(flow, key), &value) ? value : fallback;
}

/* Does the step leave this state? */
static bool step_leaves(const struct flow *flow, const struct flow_step *step, text name)
{
    if (name.len == 0) return step->begins;
    const struct flow_state *state = flow_state(flow, name);
    if (state == NULL || state->end) return false;
    return step->any || flow_has(step->from, name);
}

/* The first guard that refuses, told in `err`; 0 if none does. */
static int check_guards(const struct flow_step *step, const struct flow_at *at, struct err *err)
{
    const char *rule = step->rule.at;
    if (step->round_below > 0 && at->round >= step->round_below)
        return err_field(err, "round", rule, "%s is for rounds below %d", step->id.at,
                         (int)step->round_below);
    if (step->round_from > 0 && at->round < step->round_from)
        return err_field(err, "round", rule, "%s is for round %d and later", step->id.at,
                         (int)step->round_from);
    if (step->refusals_below > 0 && at->refusals >= step->refusals_below)
        return err_field(err, "refusals", rule,
                         "%s: refused before; the second assignment is binding", step->id.at);
    if (step->attempts_from > 0 && at->attempts < step->attempts_from)
        return err_field(err, "attempts", rule,
                         "%s needs %d attempts to reach the customer on record, there are %d",
                         step->id.at, (int)step->attempts_from, (int)at->attempts);
    for (size_t i = 0; i < step->when.n; i++) {
        if (!flow_has(at->flags, step->when.at[i]))
            return err_field(err, step->when.at[i].at, rule, "%s is for tickets marked %s",
                             step->id.at, step->when.at[i].at);
    }
    for (size_t i = 0; i < step->unless.n; i++) {
        if (flow_has(at->flags, step->unless.at[i]))
            return err_field(err, step->unless.at[i].at, rule, "%s is not for tickets marked %s",
                             step->id.at, step->unless.at[i].at);
    }
    return 0;
}

bool flow_possible(const struct flow *flow, const struct flow_step *step, const struct flow_at *at)
{
    return step_leaves(flow, step, at->state) && check_guards(step, at, NULL) == 0;
}

/* "accept, refuse, withdraw": what people can send from here. */
static int refuse_action(const struct flow *flow, const struct flow_at *at, text action,
                         struct err *err)
{
    char all[260] = "";
    size_t used = 0;
    for (size_t i = 0; i < flow->steps_n && used < sizeof(all); i++) {
        const struct flow_step *step = &flow->steps[i];
        if (!flow_possible(flow, step, at)) continue;
        used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", used == 0 ? "" : ", ",
                                 step->action.at);
    }
    const char *from = at->state.len == 0 ? "a new ticket" : at->state.at;
    if (used == 0)
        return err_field(err, "action", NULL, "%s has ended: %s: nothing leaves it", flow->kind.at,
                         from);
    return err_field(err, "action", NULL, "%.*s is not possible from %s; possible: %s",
                     TEXT_ARG(action), from, all);
}

const struct flow_step *flow_find_step(const struct flow *flow, const struct flow_at *at,
                                       text action, struct err *err)
{
    bool meant = false;
    for (size_t i = 0; i < flow->steps_n; i++) {
        const struct flow_step *step = &flow->steps[i];
        if (!text_equal(step->action, action) || !step_leaves(flow, step, at->state)) continue;
        if (check_guards(step, at, err) == 0) return step;
        meant = true;
    }
    if (!meant) refuse_action(flow, at, action, err);
    return NULL;
}

const struct flow_step *flow_automatic(const struct flow *flow, const struct flow_at *at,
                                       enum flow_auto trigger)
{
    for (size_t i = 0; i < flow->steps_n && trigger != FLOW_BY_HAND; i++) {
        const struct flow_step *step = &flow->steps[i];
        if (step->automatic == trigger && flow_possible(flow, step, at)) return step;
    }
    return NULL;
}

bool flow_need_applies(const struct flow_need *need, const struct flow_at *at)
{
    return need->when.len == 0 || flow_has(at->flags, need->when);
}

/* The role that a flag puts in place, or NULL. */
static const text *find_instead(const struct flow_instead *instead, size_t n,
                                const struct flow_at *at)
{
    for (size_t i = 0; i < n; i++) {
        if (flow_has(at->flags, instead[i].flag)) return &instead[i].role;
    }
    return NULL;
}

text flow_handler_role(const struct flow_step *step, const struct flow_at *at)
{
    const text *other = find_instead(step->handler_instead, step->handler_instead_n, at);
    return other == NULL ? step->handler_role : *other;
}

static int check_roles(const struct flow_step *step, const struct flow_at *at,
                       const struct flow_actor *actor, struct err *err)
{
    const text *other = find_instead(step->instead, step->instead_n, at);
    const text *roles = other == NULL ? step->by.at : other;
    size_t n = other == NULL ? step->by.n : 1;
    for (size_t i = 0; i < n; i++) {
        if (flow_has(actor->roles, roles[i])) return 0;
    }
    return err_field(err, "actor", "ORG-69", "%s is for the role %s", step->id.at, roles[0].at);
}

static int check_relation(const struct flow_step *step, const struct flow_actor *actor,
                          struct err *err)
{
    static const char *const words[] = {"", "the handler", "the contact owner",
                                        "the handler or contact owner"};
    bool right[] = {true, actor->handler, actor->owner, actor->handler || actor->owner};
    if (right[step->who]) return 0;
    return err_field(err, "actor", "ORG-69", "%s is for %s", step->id.at, words[step->who]);
}

int flow_check_actor(const struct flow_step *step, const struct flow_at *at,
                     const struct flow_actor *actor, struct err *err)
{
    if (check_roles(step, at, actor, err) < 0 || check_relation(step, actor, err) < 0) return -1;
    for (size_t i = 0; i < step->not_same_as.n; i++) {
        text name = step->not_same_as.at[i];
        bool same = text_is(name, "handler") ? actor->handler
                    : text_is(name, "owner") ? actor->owner
                                             : flow_has(actor->took, name);
        if (same)
            return err_field(err, "actor", "ORG-70", "%s: nobody may decide on their own case (%s)",
                             step->id.at, name.at);
    }
    return 0;
}
