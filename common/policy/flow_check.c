#include "policy/flow_check.h"

/* Where a fault of a step is told: shared exits stand in their own file. */
static int fail_step(struct flow_loading *loading, const struct flow_step *step, const char *what,
                     text name)
{
    const char *file = step->is_exit ? "flows/_exits.yaml" : loading->flow->name.at;
    return yaml_fail(&loading->reader, NULL, "%s:%d: %s: %s%.*s", file, step->line, step->id.at,
                     what, TEXT_ARG(name));
}

static int fail_state(struct flow_loading *loading, const struct flow_state *state,
                      const char *what)
{
    return yaml_fail(&loading->reader, NULL, "%s:%d: %s: %s", loading->flow->name.at, state->line,
                     state->name.at, what);
}

/* --- time nodes --- */

static bool is_open(const struct flow_step *step)
{
    return step->due.as.len > 0 && step->due.setting.len == 0 && step->due.clock.len == 0 &&
           step->due.field.len == 0;
}

static bool is_default(const struct flow_step *step)
{
    return is_open(step) && text_is(step->due.as, "default");
}

static void take_due(struct flow_step *step, const struct flow_step *from)
{
    step->due = from->due;
    step->due.as = from->id;
}

static void resolve_as(struct flow_loading *loading, struct flow_step *step)
{
    const struct flow_step *other = flow_step(loading->flow, step->due.as);
    if (other == NULL)
        fail_step(loading, step, "due: there is no step ", step->due.as);
    else if (is_open(other))
        fail_step(loading, step, "due: has no time node of its own: ", other->id);
    else
        take_due(step, other);
}

/* The first step out of the state that has a time node of its own. */
static const struct flow_step *first_with_due(const struct flow *flow, text state)
{
    for (size_t i = 0; i < flow->steps_n; i++) {
        const struct flow_step *step = &flow->steps[i];
        if (!step->is_exit && flow_has(step->from, state) && !is_open(step)) return step;
    }
    return NULL;
}

static bool default_due(const struct flow *flow, struct flow_due *due)
{
    static const char key[] = "flow.step_due";
    *due = (struct flow_due){.kind = FLOW_DUE_SPAN, .setting = TEXT(key)};
    return span_parse(flow_setting(flow, key), &due->span);
}

static void resolve_default(struct flow_loading *loading, struct flow_step *step)
{
    for (size_t i = 0; i < step->from.n; i++) {
        const struct flow_step *other = first_with_due(loading->flow, step->from.at[i]);
        if (other == NULL) continue;
        take_due(step, other);
        return;
    }
    if (!default_due(loading->flow, &step->due))
        fail_step(loading, step, "due: default, but flow.step_due is no length of time", (text){0});
}

void flow_resolve_due(struct flow_loading *loading)
{
    struct flow *flow = loading->flow;
    struct flow_step *steps = (struct flow_step *)flow->steps;
    struct flow_state *states = (struct flow_state *)flow->states;
    for (size_t i = 0; i < flow->steps_n; i++) {
        if (is_open(&steps[i]) && !is_default(&steps[i])) resolve_as(loading, &steps[i]);
    }
    for (size_t i = 0; i < flow->states_n; i++) {
        const struct flow_step *first = first_with_due(flow, states[i].name);
        if (first != NULL)
            states[i].due = first->due;
        else if (!states[i].end && !default_due(flow, &states[i].due))
            fail_state(loading, &states[i], "flow.step_due is no length of time");
    }
    for (size_t i = 0; i < flow->steps_n; i++) {
        if (is_default(&steps[i])) resolve_default(loading, &steps[i]);
    }
}

/* --- names --- */

static void check_step_states(struct flow_loading *loading, const struct flow_step *step)
{
    for (size_t i = 0; i < step->from.n; i++) {
        const struct flow_state *state = flow_state(loading->flow, step->from.at[i]);
        if (state == NULL) fail_step(loading, step, "from: there is no state ", step->from.at[i]);
        if (state != NULL && state->end)
            fail_step(loading, step, "from: nothing leaves an end state: ", state->name);
    }
    for (size_t i = 0; i < step->to.n; i++) {
        const struct flow_state *state = flow_state(loading->flow, step->to.at[i]);
        if (state == NULL) fail_step(loading, step, "to: there is no state ", step->to.at[i]);
        if (state != NULL && state->end && i + 1 < step->to.n)
            fail_step(loading, step, "to: nothing leaves an end state: ", state->name);
    }
}

static bool has_need(const struct flow_step *step, text name)
{
    for (size_t i = 0; i < step->needs_n; i++) {
        if (text_equal(step->needs[i].name, name)) return true;
    }
    return false;
}

static void check_step_fields(struct flow_loading *loading, const struct flow_step *step)
{
    const text fields[] = {step->opens_field, step->links_field,
                           step->handler == FLOW_NAMED ? step->handler_field : (text){0}};
    for (size_t i = 0; i < COUNT(fields); i++) {
        if (fields[i].len > 0 && !has_need(step, fields[i]))
            fail_step(loading, step, "does not ask for the field ", fields[i]);
    }
    for (size_t i = 0; i < step->not_same_as.n; i++) {
        text name = step->not_same_as.at[i];
        if (!text_is(name, "handler") && !text_is(name, "owner") &&
            flow_step(loading->flow, name) == NULL)
            fail_step(loading, step, "not_same_as: there is no step ", name);
    }
}

static bool has_guard(const struct flow_step *step)
{
    return step->round_below > 0 || step->round_from > 0 || step->refusals_below > 0 ||
           step->attempts_from > 0 || step->when.n > 0 || step->unless.n > 0;
}

static bool share_state(const struct flow_step *a, const struct flow_step *b)
{
    if (a->begins != b->begins) return false;
    if (a->begins || a->any || b->any) return true;
    for (size_t i = 0; i < a->from.n; i++) {
        if (flow_has(b->from, a->from.at[i])) return true;
    }
    return false;
}

/* The same word from the same state must mean one step: guards have to tell them apart. */
static void check_step_alone(struct flow_loading *loading, size_t at)
{
    const struct flow_step *step = &loading->flow->steps[at];
    for (size_t i = 0; i < at; i++) {
        const struct flow_step *other = &loading->flow->steps[i];
        if (text_equal(other->id, step->id))
            fail_step(loading, step, "this id stands twice", (text){0});
        if (!text_equal(other->action, step->action) || !share_state(other, step)) continue;
        if (!has_guard(step) || !has_guard(other))
            fail_step(loading, step, "on: means the same as in ", other->id);
    }
}

/* --- the shape of the machine --- */

static size_t state_index(const struct flow *flow, text name)
{
    return (size_t)(flow_state(flow, name) - flow->states);
}

static bool leaves(const struct flow *flow, const struct flow_step *step, const bool *reached)
{
    if (step->begins || step->any) return true;
    for (size_t i = 0; i < step->from.n; i++) {
        if (reached[state_index(flow, step->from.at[i])]) return true;
    }
    return false;
}

static void check_reached(struct flow_loading *loading)
{
    const struct flow *flow = loading->flow;
    bool *reached = ARENA_ARRAY(loading->arena, bool, flow->states_n);
    for (size_t i = 0; i < flow->states_n; i++) reached[i] = flow->states[i].start;
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < flow->steps_n; i++) {
            const struct flow_step *step = &flow->steps[i];
            if (!leaves(flow, step, reached)) continue;
            for (size_t k = 0; k < step->to.n; k++) {
                bool *to = &reached[state_index(flow, step->to.at[k])];
                more |= !*to;
                *to = true;
            }
        }
    }
    for (size_t i = 0; i < flow->states_n; i++) {
        if (!reached[i]) fail_state(loading, &flow->states[i], "no step leads to this state");
    }
}

/* Left by a step of its own (the shared exits do not count), or passed through inside one. */
static bool can_leave(const struct flow *flow, text state)
{
    for (size_t i = 0; i < flow->steps_n; i++) {
        const struct flow_step *step = &flow->steps[i];
        bool stays = step->to.n == 1 && text_equal(step->to.at[0], state);
        if (!step->is_exit && flow_has(step->from, state) && !stays) return true;
        for (size_t k = 0; k + 1 < step->to.n; k++) {
            if (text_equal(step->to.at[k], state)) return true;
        }
    }
    return false;
}

static void check_states(struct flow_loading *loading)
{
    const struct flow *flow = loading->flow;
    size_t starts = 0;
    for (size_t i = 0; i < flow->states_n; i++) {
        const struct flow_state *state = &flow->states[i];
        starts += state->start;
        if (flow_state(flow, state->name) != state)
            fail_state(loading, state, "this state stands twice");
        if (!state->end && !flow_has(loading->roles, state->answers))
            fail_state(loading, state, "answers: is not a known role");
        if (!state->end && !can_leave(flow, state->name))
            fail_state(loading, state, "is a dead end: no step leaves this state");
        for (size_t k = 0; k < state->starts.n; k++) {
            if (!flow_has(flow->clocks, state->starts.at[k]))
                fail_state(loading, state, "starts: is not a clock of this flow");
        }
    }
    if (starts == 0)
        yaml_fail(&loading->reader, NULL, "%s:1: states: none of them starts the flow",
                  flow->name.at);
}

void flow_check(struct flow_loading *loading)
{
    for (size_t i = 0; i < loading->flow->steps_n && !loading->reader.failed; i++) {
        check_step_states(loading, &loading->flow->steps[i]);
        check_step_fields(loading, &loading->flow->steps[i]);
        check_step_alone(loading, i);
    }
    if (!loading->reader.failed) check_states(loading);
    if (!loading->reader.failed) check_reached(loading);
}
