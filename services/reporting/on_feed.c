/*
 * What changed enters the feed. One key, "feed", and so one hand: the lane that holds its partition
 * draws the numbers, without gaps and in the order of commits. Counters are changed by nobody else
 * either: what changed, and by how much, is said in feed.due. KPIs are computed again, by an alarm,
 * when something changed, but not before their time, and at least every minute, because some change
 * by time alone.
 */
#include "handlers.h"

#include "feed_socket.h"
#include "kpi.h"
#include "reporting.msg.h"
#include "store.h"

#include <string.h>

enum {
    KPI_WAIT_MS = 1000,  /* between two looks at the KPIs … */
    KPI_COST_SHARE = 20, /* … or so many times what the last look took, if that is more */
    FEED_CUT_EVERY = 1000
};

#define FEED TEXT("feed")

void publish_counts(struct plan *plan, const text *topics, const int64_t *by, size_t n)
{
    plan_say(plan, &feed_due_shape, &(struct feed_due){FEED, {topics, n}, {by, n}});
    feed_hint();
}

static size_t find_topic(const text *topics, size_t n, text topic)
{
    size_t i = 0;
    while (i < n && !text_equal(topics[i], topic)) i++;
    return i;
}

/* Topics are few: dozens, in a batch of hundreds of changes. */
void feed_due_merge(struct arena *arena, void *last, const void *earlier)
{
    struct feed_due *to = last;
    const struct feed_due *from = earlier;
    size_t n = to->topics.n, room = n + from->topics.n;
    text *topics = ARENA_ARRAY(arena, text, room + 1);
    int64_t *by = ARENA_ARRAY(arena, int64_t, room + 1);
    if (n > 0) memcpy(topics, to->topics.at, sizeof(*topics) * n);
    if (n > 0) memcpy(by, to->by.at, sizeof(*by) * n);
    for (size_t i = 0; i < from->topics.n; i++) {
        text topic = LIST(from->topics, text)[i];
        size_t at = find_topic(topics, n, topic);
        if (at == n) topics[n++] = topic;
        by[at] += LIST(from->by, int64_t)[i];
    }
    to->topics = (struct list){topics, n};
    to->by = (struct list){by, n};
}

struct writer {
    struct plan *plan;
    bool moved;   /* to other months */
    bool changed; /* the state, beyond its head */
    struct feed_state_row state;
};

/* Entries up to here are gone, but for the last one of each topic. */
static int64_t cut_at(int64_t head)
{
    int64_t upto = head - head % FEED_CUT_EVERY - FEED_KEPT;
    return upto > 0 ? upto : 0;
}

static void cut(struct writer *writer, int64_t after, int64_t upto)
{
    plan_write(writer->plan, &feed_cut, &(struct feed_cut_row){after, upto});
}

/* `last`: the topic's entry until now, or NULL. */
static void append(struct writer *writer, const struct topic_row *last, struct feed_row row)
{
    int64_t gone = cut_at(writer->state.head), cut_now;
    row.seq = ++writer->state.head;
    row.at = writer->plan->now;
    plan_write(writer->plan, &feed_append, &row);
    if (last == NULL) plan_write(writer->plan, &topic_insert, &(struct topic_name_row){row.topic});
    if (last != NULL && last->seq <= gone) cut(writer, last->seq - 1, last->seq);
    if ((cut_now = cut_at(row.seq)) > gone) cut(writer, gone, cut_now);
}

static const struct topic_row *topic_of(struct list topics, text topic)
{
    for (size_t i = 0; i < topics.n; i++)
        if (text_equal(LIST(topics, struct topic_row)[i].topic, topic))
            return &LIST(topics, struct topic_row)[i];
    return NULL;
}

static void change_counts(struct writer *writer, const struct feed_due *due, struct list known)
{
    for (size_t i = 0; i < due->topics.n && i < due->by.n; i++) {
        text topic = LIST(due->topics, text)[i];
        int64_t by = LIST(due->by, int64_t)[i];
        const struct topic_row *last = topic_of(known, topic);
        if (by == 0 && last != NULL) continue;
        append(writer, last,
               (struct feed_row){.topic = topic, .count = by + (last == NULL ? 0 : last->count)});
    }
}

/* --- KPIs --- */

static bool same_int(struct maybe_int a, struct maybe_int b)
{
    return a.given == b.given && a.is == b.is;
}

static bool same_real(struct maybe_real a, struct maybe_real b)
{
    return a.given == b.given && a.is == b.is;
}

static bool same_value(const struct topic_row *row, const struct kpi_value *value)
{
    return row != NULL && row->count == value->count && same_int(row->of, value->of) &&
           same_real(row->value, value->value) && same_real(row->p50, value->p50) &&
           same_real(row->p90, value->p90);
}

static void publish_kpis(struct writer *writer, struct list figures, struct list topics)
{
    struct kpi_value values[KPI_VALUES];
    size_t n = kpi_values(writer->plan->policy, figures, values);
    for (size_t i = 0; i < n; i++) {
        const struct kpi_value *v = &values[i];
        const struct topic_row *last = topic_of(topics, text_of(v->topic));
        if (same_value(last, v)) continue;
        append(writer, last,
               (struct feed_row){.topic = text_of(v->topic),
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

/* --- when to look at the KPIs --- */

/* The test clock jumps: there, what comes too early waits for the next day. */
static time_us next_look(const struct writer *writer)
{
    const struct feed_state_row *state = &writer->state;
    time_us now = writer->plan->now;
    if (state->rested.is) return now;
    if (state->test_clock.is) return (now / DAY_US + 1) * DAY_US;
    time_us due = state->refreshed_at + state->wait_ms * 1000;
    return due > now ? due : now;
}

static void look_at(struct writer *writer, time_us due)
{
    writer->state.kpi_at = due;
    writer->changed = true;
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
    writer->moved = true;
    writer->changed = true;
    writer->state.zone = policy->zone;
    writer->state.wait_ms = 0;
    writer->state.rested = given_bool(true);
}

/* Time alone changes KPIs, too; on the test clock it wakes nobody. */
static void keep_look(struct writer *writer, const struct figure_row *gate)
{
    int64_t cost_ms = gate->of * KPI_COST_SHARE / 1000;
    writer->changed = true;
    writer->state.refreshed = given_bool(true);
    writer->state.wait_ms = cost_ms > KPI_WAIT_MS ? cost_ms : KPI_WAIT_MS;
    writer->state.kpi_at = 0;
    if (!writer->state.test_clock.is) look_at(writer, writer->plan->now + MINUTE_US);
}

/* --- the handlers --- */

static struct writer writer_of(struct plan *plan, const struct facts *facts)
{
    const struct feed_state_row *state = facts_one(facts, &feed_now);
    assert(state != NULL);
    struct writer writer = {.plan = plan, .state = *state};
    follow_policy(&writer);
    return writer;
}

/* Written only when it changes: a row with a new version in every batch slows down whoever reads it
   while a snapshot is held. */
static void keep_state(const struct writer *writer)
{
    if (writer->changed) plan_write(writer->plan, &feed_state_write, &writer->state);
    feed_grows();
}

void on_feed_due(struct plan *plan, const void *message, const struct facts *facts)
{
    struct writer writer = writer_of(plan, facts);
    change_counts(&writer, message, facts_all(facts, &topics_last));
    want_look(&writer);
    keep_state(&writer);
}

void on_kpi_due(struct plan *plan, const void *message, const struct facts *facts)
{
    struct list figures = facts_all(facts, &figures_now);
    struct writer writer = writer_of(plan, facts);
    const struct figure_row *gate = gate_of(figures);
    (void)message;
    if (gate != NULL && !writer.moved) { /* else they are of the old months */
        publish_kpis(&writer, figures, facts_all(facts, &kpi_topics));
        keep_look(&writer, gate);
    } else {
        look_at(&writer, next_look(&writer));
    }
    keep_state(&writer);
}
