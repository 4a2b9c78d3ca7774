/* Queries reporting answers. */
#include "handlers.h"

#include "kpi.h"
#include "reporting.msg.h"
#include "store.h"

#include <string.h>

static int64_t head_of(const struct facts *facts)
{
    const struct feed_state_row *state = facts_one(facts, &feed_head);
    return state == NULL ? 0 : state->head;
}

/* --- report.summary --- */

static struct topic_value line_of(const struct kpi_policy *policy, text topic)
{
    const struct kpi_rule *rule = kpi_rule_of(policy, topic);
    return rule == NULL
               ? (struct topic_value){.topic = topic}
               : (struct topic_value){.topic = topic, .label = rule->en, .target = rule->target};
}

static size_t list_topics(const struct kpi_policy *policy, struct list topics, bool with_kpis,
                          struct topic_value *out)
{
    size_t n = 0;
    for (size_t i = 0; i < topics.n; i++) {
        const struct topic_row *row = &LIST(topics, struct topic_row)[i];
        if (!with_kpis && text_starts(row->topic, "kpi/")) continue;
        struct topic_value line = line_of(policy, row->topic);
        line.value = row->value;
        line.count = row->count;
        line.of = row->of;
        line.p50 = row->p50;
        line.p90 = row->p90;
        out[n++] = line;
    }
    return n;
}

static size_t list_kpis(const struct kpi_policy *policy, struct list figures,
                        struct topic_value *out)
{
    struct kpi_value values[KPI_VALUES];
    size_t n = kpi_values(policy, figures, values);
    for (size_t i = 0; i < n; i++) {
        out[i] = line_of(policy, text_of(values[i].topic));
        out[i].value = values[i].value;
        out[i].count = values[i].count;
        out[i].of = values[i].of;
        out[i].p50 = values[i].p50;
        out[i].p90 = values[i].p90;
    }
    return n;
}

void on_report_summary(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct report_summary *m = message;
    const struct kpi_policy *policy = plan->policy;
    struct list topics = facts_all(facts, &topics_all);
    bool anew = m->from != 0 || m->to != 0;
    struct topic_value *lines = ARENA_ARRAY(plan->arena, struct topic_value, topics.n + KPI_VALUES);
    size_t n = list_topics(policy, topics, !anew, lines);
    if (anew) n += list_kpis(policy, facts_all(facts, &figures_between), lines + n);
    plan_answer(plan, &(struct report_summary_view){.seq = head_of(facts), .topics = {lines, n}});
}

/* --- feed.read --- */

static int64_t page_limit(const struct feed_read *m)
{
    int64_t limit = m->limit.given ? m->limit.is : FEED_PAGE;
    return limit > FEED_PAGE_MAX ? FEED_PAGE_MAX : limit;
}

void on_feed_read(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct feed_read *m = message;
    struct list entries = facts_all(facts, &feed_entries),
                snapshot = facts_all(facts, &feed_snapshot);
    const struct feed_resume_row *resume = facts_one(facts, &feed_resumes);
    bool reset = resume == NULL || !resume->resumes;
    struct list rows = reset ? snapshot : entries;
    struct feed_entry *out = ARENA_ARRAY(plan->arena, struct feed_entry, rows.n);
    for (size_t i = 0; i < rows.n; i++) {
        const struct feed_row *row = &LIST(rows, struct feed_row)[i];
        out[i] = (struct feed_entry){row->seq, row->topic, row->value, row->count,
                                     row->of,  row->p50,   row->p90,   row->at};
    }
    int64_t next = head_of(facts);
    if (!reset && (int64_t)rows.n == page_limit(m))
        next = rows.n > 0 ? out[rows.n - 1].seq : m->after; /* there may be more */
    plan_answer(plan, &(struct feed_page){.entries = {out, rows.n}, .seq = next, .reset = reset});
}

/* --- report.tickets --- */

void on_report_tickets(struct plan *plan, const void *message, const struct facts *facts)
{
    static const struct statement *const drills[] = {
        &drill_state,   &drill_open, &drill_department, &drill_held,
        &drill_waiting, &drill_exit, &drill_clock,      &drill_message};
    (void)message;
    struct list found = {0};
    for (size_t i = 0; i < COUNT(drills) && found.n == 0; i++) found = facts_all(facts, drills[i]);
    int64_t *tickets = ARENA_ARRAY(plan->arena, int64_t, found.n);
    size_t n = 0;
    for (size_t i = 0; i < found.n; i++) {
        int64_t ticket = LIST(found, struct drill_row)[i].ticket;
        if (n == 0 || tickets[n - 1] != ticket) tickets[n++] = ticket;
    }
    plan_answer(plan, &(struct report_ticket_page){.tickets = {tickets, n}});
}
