/*
 * What changed enters the feed. One key, "feed", and so one hand: the lane that holds its partition draws the numbers, without gaps and
 * in the order of commits. Counters are read where they differ from what was published. KPIs are computed again, by an alarm, when
 * something changed, but not before their time, and at least every minute, because some change by time alone.
 */
#include "reporting.h"

#include "kpi.h"
#include "reporting.msg.h"
#include "store.h"

enum {
    KPI_WAIT_MS = 1000,  /* between two looks at the KPIs … */
    KPI_COST_SHARE = 20, /* … or so many times what the last look took, if that is more */
    FEED_KEPT = 100000,  /* entries to resume from */
    FEED_CUT_EVERY = 1000
};

#define FEED TEXT("feed")

void publish_wake(struct plan *plan)
{
    plan_say(plan, &feed_due_shape, &(struct feed_due){FEED});
    feed_hint();
}

struct writer {
    struct plan *plan;
    struct feed_state_row state;
};

static void append(struct writer *writer, struct topic_row row)
{
    row.seq = ++writer->state.head;
    row.at = writer->plan->now;
    plan_write(writer->plan, &topic_write, &row);
    plan_write(writer->plan, &feed_append,
               &(struct feed_row){row.seq, row.topic, row.value, row.count, row.of, row.p50,
                                  row.p90, row.at});
    if (row.seq % FEED_CUT_EVERY == 0 && row.seq > FEED_KEPT)
        plan_write(writer->plan, &feed_cut, &(struct feed_trim_row){row.seq - FEED_KEPT});
}

static void publish_counts(struct writer *writer, struct list changed)
{
    for (size_t i = 0; i < changed.n; i++) {
        const struct topic_count_row *row = &LIST(changed, struct topic_count_row)[i];
        append(writer, (struct topic_row){.topic = row->topic, .count = row->n});
        plan_add(writer->plan, &topic_count_add,
                 &(struct topic_count_row){.topic = row->topic,
                                           .published = row->version - row->published});
    }
}

/* ---- KPIs -------------------------------------------------------------------------------------------------------------------- */

static const struct topic_row *last_value(struct list topics, const char *topic)
{
    for (size_t i = 0; i < topics.n; i++)
        if (text_is(LIST(topics, struct topic_row)[i].topic, topic))
            return &LIST(topics, struct topic_row)[i];
    return NULL;
}

static bool same_value(const struct topic_row *row, const struct kpi_value *value)
{
    return row != NULL && row->count == value->count && row->of == value->of &&
           row->value == value->value && row->p50 == value->p50 && row->p90 == value->p90;
}

static void publish_kpis(struct writer *writer, struct list figures, struct list topics)
{
    struct kpi_value values[KPI_VALUES];
    size_t n = kpi_values(writer->plan->policy, figures, values);
    for (size_t i = 0; i < n; i++) {
        const struct kpi_value *v = &values[i];
        if (same_value(last_value(topics, v->topic), v)) continue;
        append(writer, (struct topic_row){.topic = text_of(v->topic),
                                          .value = v->value,
                                          .count = v->count,
                                          .of = v->of,
                                          .p50 = v->p50,
                                          .p90 = v->p90});
    }
}

/* The line that says that it was time; NULL: it was too early. */
static const struct figure_row *gate_of(struct list figures)
{
    for (size_t i = 0; i < figures.n; i++)
        if (text_is(LIST(figures, struct figure_row)[i].figure, "gate"))
            return &LIST(figures, struct figure_row)[i];
    return NULL;
}

/* ---- when to look at the KPIs ----------------------------------------------------------------------------------------------- */

/* The test clock jumps: there, what comes too early waits for the next day. */
static time_us next_look(const struct writer *writer)
{
    const struct feed_state_row *state = &writer->state;
    time_us now = writer->plan->now;
    if (state->rested) return now;
    if (state->test_clock) return (now / DAY_US + 1) * DAY_US;
    time_us due = state->refreshed_at + state->wait_ms * 1000;
    return due > now ? due : now;
}

static void look_at(struct writer *writer, time_us due)
{
    writer->state.kpi_at = due;
    plan_wake(writer->plan, &kpi_due_shape, due, &(struct kpi_due){FEED});
}

/* An alarm that is long overdue has been set aside. */
static void want_look(struct writer *writer)
{
    time_us due = next_look(writer), armed = writer->state.kpi_at;
    if (due < armed || armed < writer->plan->now - MINUTE_US) look_at(writer, due);
}

/* Other months: look at once. */
static void follow_policy(struct writer *writer)
{
    const struct kpi_policy *policy = writer->plan->policy;
    if (text_equal(writer->state.zone, policy->zone)) return;
    writer->state.zone = policy->zone;
    writer->state.wait_ms = 0;
    writer->state.rested = true;
}

/* Time alone changes KPIs, too; on the test clock it wakes nobody. */
static void keep_look(struct writer *writer, const struct figure_row *gate)
{
    int64_t cost_ms = gate->of * KPI_COST_SHARE / 1000;
    writer->state.refreshed = true;
    writer->state.wait_ms = cost_ms > KPI_WAIT_MS ? cost_ms : KPI_WAIT_MS;
    writer->state.kpi_at = 0;
    if (!writer->state.test_clock) look_at(writer, writer->plan->now + MINUTE_US);
}

/* ---- the handlers ----------------------------------------------------------------------------------------------------------- */

static struct writer writer_of(struct plan *plan, const struct facts *facts)
{
    const struct feed_state_row *state = facts_one(facts, &feed_lock);
    assert(state != NULL);
    struct writer writer = {plan, *state};
    follow_policy(&writer);
    return writer;
}

void on_feed_due(struct plan *plan, const void *message, const struct facts *facts)
{
    struct list changed = facts_all(facts, &topics_changed);
    struct writer writer = writer_of(plan, facts);
    (void)message;
    publish_counts(&writer, changed);
    want_look(&writer);
    plan_write(plan, &feed_state_write, &writer.state);
    if (changed.n == TOPICS_AT_ONCE) publish_wake(plan);
    feed_grows();
}

void on_kpi_due(struct plan *plan, const void *message, const struct facts *facts)
{
    struct list figures = facts_all(facts, &figures_now);
    struct writer writer = writer_of(plan, facts);
    const struct figure_row *gate = gate_of(figures);
    (void)message;
    if (gate != NULL) {
        publish_kpis(&writer, figures, facts_all(facts, &kpi_topics));
        keep_look(&writer, gate);
    } else {
        look_at(&writer, next_look(&writer));
    }
    plan_write(plan, &feed_state_write, &writer.state);
    feed_grows();
}
