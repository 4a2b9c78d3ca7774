/* Queries escalation answers. */
#include "handlers.h"

#include "clocks.h"
#include "escalation.msg.h"
#include "store.h"

#include <string.h>

enum { VERDICTS_PAGE = 500, VERDICTS_MAX = 1000 };

static text state_of(text state, text verdict, bool breached)
{
    if (text_is(state, "ended")) return verdict;
    return breached ? TEXT("breached") : state;
}

/* The highest level told, or the absent text. */
static text last_level(struct plan *plan, const struct clock_row *row)
{
    const struct clock_rules *rules = plan_policy(plan, row->policy);
    const struct clock_rule *rule =
        clock_rules_find(rules == NULL ? plan->policy : rules, row->name);
    for (size_t i = rule == NULL ? 0 : rule->ladder->n; i > 0; i--) {
        if ((row->levels >> (i - 1) & 1) != 0) return rule->ladder->at[i - 1].name;
    }
    return (text){0};
}

void on_clock_list(struct plan *plan, const void *message, const struct facts *facts)
{
    (void)message;
    struct list rows = facts_all(facts, &clocks_asked);
    struct clock_line *lines = ARENA_ARRAY(plan->arena, struct clock_line, rows.n);
    for (size_t i = 0; i < rows.n; i++) {
        const struct clock_row *row = &LIST(rows, struct clock_row)[i];
        lines[i] = (struct clock_line){
            .clock = row->id,
            .name = row->name,
            .round = row->round,
            .state = state_of(row->state, row->verdict, row->breached),
            .running = !text_is(row->state, "ended"),
            .started_at = row->started_at,
            .due_at = row->due_at,
            .stopped_at = row->stopped_at,
            .level = last_level(plan, row),
        };
    }
    plan_answer(plan, &(struct clock_page){.rows = {lines, rows.n}});
}

/* --- explain --- */

static struct list explained(struct plan *plan, struct calendar_spans spans)
{
    struct explained_span *out = ARENA_ARRAY(plan->arena, struct explained_span, spans.n);
    for (size_t i = 0; i < spans.n; i++) {
        time_us length = spans.at[i].until - spans.at[i].from;
        out[i] = (struct explained_span){spans.at[i].from, spans.at[i].until, length / SECOND_US};
    }
    return (struct list){out, spans.n};
}

/* The pauses of a clock; what is left of one that lasts is shown up to now. */
static struct calendar_spans pauses_of(struct plan *plan, const struct clock_row *row,
                                       const struct facts *facts)
{
    struct list pauses = facts_all(facts, &pauses_asked);
    struct calendar_span *at = ARENA_ARRAY(plan->arena, struct calendar_span, pauses.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < pauses.n; i++) {
        const struct pause_row *pause = &LIST(pauses, struct pause_row)[i];
        if (pause->clock == row->id) at[n++] = (struct calendar_span){pause->from_at, pause->to_at};
    }
    if (row->paused_at != 0) at[n++] = (struct calendar_span){row->paused_at, plan->now};
    return (struct calendar_spans){at, n};
}

static text limit_text(struct plan *plan, const struct clock_row *row)
{
    if (text_is(row->limit_unit, "promised")) return row->limit_unit;
    return arena_printf(plan->arena, "%lld%.*s", (long long)row->limit_n,
                        TEXT_ARG(row->limit_unit));
}

static struct clock_explained_line explain(struct plan *plan, const struct clock_row *row,
                                           const struct facts *facts)
{
    const struct ticket_copy_row *ticket = facts_one(facts, &ticket_asked);
    struct clock_life life = {.row = *row};
    clock_bind(&life, plan_policy(plan, row->policy), plan->policy,
               ticket == NULL ? TEXT("") : ticket->org_unit);
    struct calendar_spans pauses = pauses_of(plan, row, facts);
    return (struct clock_explained_line){
        .clock = row->id,
        .name = row->name,
        .rule = life.rule == NULL ? row->name : life.rule->rule,
        .base = row->base,
        .calendar = row->calendar,
        .limit = limit_text(plan, row),
        .policy = row->policy,
        .started_by = row->started_by,
        .started_at = row->started_at,
        .due_at = row->due_at,
        .state = state_of(row->state, row->verdict, row->breached),
        .stopped_by = row->stopped_by,
        .stopped_at = row->stopped_at,
        .spans = explained(plan, calendar_explain(life.calendar, row->started_at, row->due_at,
                                                  &pauses, plan->arena)),
        .pauses = explained(plan, pauses),
    };
}

void on_clock_explain(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct clock_explain *m = message;
    struct list rows = facts_all(facts, &clocks_asked);
    struct clock_explained_line *lines =
        ARENA_ARRAY(plan->arena, struct clock_explained_line, rows.n);
    size_t n = 0;
    for (size_t i = 0; i < rows.n; i++) {
        const struct clock_row *row = &LIST(rows, struct clock_row)[i];
        if (m->name.len == 0 || text_equal(m->name, row->name))
            lines[n++] = explain(plan, row, facts);
    }
    plan_answer(plan, &(struct clock_explained){.rows = {lines, n}});
}

/* --- verdicts --- */

/* A page ends with the last clock of a ticket, so that the next can go on behind that ticket. */
static size_t page_length(struct list rows, size_t most)
{
    const struct verdict_line_row *at = LIST(rows, struct verdict_line_row);
    size_t n = rows.n < most ? rows.n : most;
    while (n > 0 && n < rows.n && at[n].ticket == at[n - 1].ticket) n++;
    return n;
}

void on_clock_verdicts(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct clock_verdicts *m = message;
    struct list rows = facts_all(facts, &verdicts_asked);
    int64_t most = m->limit.given ? m->limit.is : VERDICTS_PAGE;
    if (most > VERDICTS_MAX) most = VERDICTS_MAX;
    size_t n = page_length(rows, (size_t)most);
    struct clock_verdict *out = ARENA_ARRAY(plan->arena, struct clock_verdict, n);
    for (size_t i = 0; i < n; i++) {
        const struct verdict_line_row *row = &LIST(rows, struct verdict_line_row)[i];
        text verdict = state_of(row->state, row->verdict, row->breached);
        if (text_is(verdict, "paused")) verdict = TEXT("running");
        out[i] =
            (struct clock_verdict){row->ticket, row->round, verdict, row->due_at, row->stopped_at};
    }
    plan_answer(plan, &(struct clock_verdict_page){.rows = {out, n}, .more = n < rows.n});
}
