#include "policy/flow_draw.h"

#include <stdio.h>

static void draw_arrow(struct buf *out, text from, text to, const struct flow_step *step)
{
    buf_printf(out, "    %s --> %s : %s %s (%s)\n", from.at, to.at, step->id.at, step->action.at,
               step->by.at[0].at);
}

static void draw_chain(struct buf *out, const struct flow_step *step)
{
    for (size_t i = 1; i < step->to.n; i++)
        draw_arrow(out, step->to.at[i - 1], step->to.at[i], step);
}

static void draw_states(const struct flow *flow, struct buf *out)
{
    for (size_t i = 0; i < flow->states_n; i++) {
        const struct flow_state *state = &flow->states[i];
        buf_printf(out, "    state \"%s %s\" as %s\n", state->name.at, state->zh.at,
                   state->name.at);
    }
    for (size_t i = 0; i < flow->states_n; i++) {
        const struct flow_state *state = &flow->states[i];
        if (state->start) buf_printf(out, "    [*] --> %s\n", state->name.at);
        if (state->end) buf_printf(out, "    %s --> [*]\n", state->name.at);
    }
}

static void draw_exits(const struct flow *flow, struct buf *out)
{
    bool first = true;
    const struct flow_state *start = flow->states;
    while (!start->start) start++;
    for (size_t i = 0; i < flow->steps_n; i++) {
        const struct flow_step *step = &flow->steps[i];
        if (!step->any) continue;
        if (first) buf_printf(out, "    note right of %s\n      from any state:\n", start->name.at);
        first = false;
        buf_printf(out, "      %s %s to %s (%s)\n", step->id.at, step->action.at, step->to.at[0].at,
                   step->by.at[0].at);
    }
    if (!first) buf_printf(out, "    end note\n");
}

void flow_mermaid(const struct flow *flow, struct buf *out)
{
    buf_printf(out, "stateDiagram-v2\n    %%%% %s %s\n", flow->kind.at, flow->zh.at);
    draw_states(flow, out);
    for (size_t i = 0; i < flow->steps_n; i++) {
        const struct flow_step *step = &flow->steps[i];
        if (step->any) continue;
        if (step->begins) draw_arrow(out, TEXT("[*]"), step->to.at[0], step);
        for (size_t k = 0; k < step->from.n; k++)
            draw_arrow(out, step->from.at[k], step->to.at[0], step);
        draw_chain(out, step);
    }
    draw_exits(flow, out);
}

static void add_texts(struct buf *out, struct yaml_texts texts, const char *between)
{
    for (size_t i = 0; i < texts.n; i++)
        buf_printf(out, "%s%s", i == 0 ? "" : between, texts.at[i].at);
}

static void add_due(struct buf *out, const struct flow_due *due)
{
    if (due->kind == FLOW_DUE_CLOCK) buf_printf(out, "%s", due->clock.at);
    if (due->kind == FLOW_DUE_CYCLE) buf_printf(out, "%s", due->cycle.at);
    if (due->kind == FLOW_DUE_FIELD) buf_printf(out, "at %s", due->field.at);
    if (due->span.n > 0) buf_printf(out, "%d%s", (int)due->span.n, span_suffix(due->span.unit));
    if (due->kind == FLOW_DUE_BEFORE) buf_printf(out, " before %s", due->clock.at);
    if (due->from_contact) buf_printf(out, " from contact");
    if (due->emergency.n > 0)
        buf_printf(out, ", emergency %d%s", (int)due->emergency.n,
                   span_suffix(due->emergency.unit));
}

void flow_table(const struct flow *flow, struct buf *out)
{
    for (size_t i = 0; i < flow->steps_n; i++) {
        const struct flow_step *step = &flow->steps[i];
        buf_printf(out, "%s\t", step->id.at);
        if (step->begins) buf_printf(out, "-");
        if (step->any) buf_printf(out, "any");
        add_texts(out, step->from, " / ");
        buf_printf(out, "\t%s\t", step->action.at);
        add_texts(out, step->to, " -> ");
        buf_printf(out, "\t");
        add_texts(out, step->by, ", ");
        buf_printf(out, "\t");
        add_due(out, &step->due);
        buf_printf(out, "\n");
    }
}
