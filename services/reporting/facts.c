#include "facts.h"

static void fill_if_absent(text *field, text word)
{
    if (field->len == 0) *field = word;
}

static void earliest(time_us *field, time_us at)
{
    if (at != 0 && (*field == 0 || at < *field)) *field = at;
}

void fact_ticket_opened(struct ticket_fact_row *fact, const struct ticket_opened *m)
{
    fact->contact = m->contact;
    fact->received_at = m->received_at;
    fact->answered = given_bool(m->answered);
    if (m->answered) earliest(&fact->replied_at, m->received_at);
    fill_if_absent(&fact->channel, m->channel);
    fill_if_absent(&fact->topic, m->topic);
    fill_if_absent(&fact->kind, m->kind);
    fill_if_absent(&fact->org_unit, m->org_unit);
    fill_if_absent(&fact->class, m->class);
    fill_if_absent(&fact->owner, m->recorder);
    fill_if_absent(&fact->state, TEXT("NEW"));
}

void fact_ticket_started(struct ticket_fact_row *fact, const struct ticket_started *m)
{
    fact->contact = m->contact;
    fact->kind = m->kind;
    fact->channel = m->channel;
    fact->org_unit = m->org_unit;
    fact->state = m->state;
    fact->priority = given_int(m->priority);
    fact->handler = m->handler;
    fact->department = m->department;
    fact->received_at = m->received_at;
    fact->answered = given_bool(m->answered);
    fact->round = given_int(1);
    if (m->topic.len > 0) fact->topic = m->topic;
    if (m->class.len > 0) fact->class = m->class;
    if (m->owner.len > 0) fact->owner = m->owner;
    if (m->answered) earliest(&fact->replied_at, m->received_at);
}

/* The step's effect on the figures: only the first time counts, and a result only in round 1
   (KPI-03). */
static void note_step(struct ticket_fact_row *fact, const struct ticket_moved *m,
                      const struct fact_steps *steps, time_us at)
{
    if (text_equal(m->step, steps->result) && m->round <= 1 && fact->result_at == 0)
        fact->result_at = at;
    if (text_equal(m->step, steps->satisfied) && fact->satisfied_at == 0) fact->satisfied_at = at;
    if (m->replied) earliest(&fact->replied_at, at);
}

void fact_ticket_moved(struct ticket_fact_row *fact, const struct ticket_moved *m,
                       const struct fact_steps *steps, time_us at)
{
    fact->kind = m->kind;
    fact->state = m->to;
    fact->handler = m->handler;
    fact->department = m->department;
    fact->org_unit = m->org_unit;
    fact->priority = given_int(m->priority);
    fact->round = given_int(m->round);
    fact->received_at = m->received_at;
    if (m->class.len > 0) fact->class = m->class;
    if (m->owner.len > 0) fact->owner = m->owner;
    if (m->handler.len > 0) fact->queue = (text){0};
    note_step(fact, m, steps, at);
    if (!m->terminal) return;
    fact->closed_at = at;
    fact->exit = m->exit;
    fact->reason = m->exit.len > 0 ? m->reason : (text){0};
}

void fact_ticket_assigned(struct ticket_fact_row *fact, const struct ticket_assigned *m, time_us at)
{
    fact->handler = m->handler;
    fact->department = m->department;
    fact->priority = given_int(m->priority);
    fact->queue = (text){0};
    if (m->owner.len > 0) fact->owner = m->owner;
    if (fact->assigned_at == 0 && !text_is(m->how, "recorder")) fact->assigned_at = at;
}

void fact_ticket_queued(struct ticket_fact_row *fact, const struct ticket_queued *m)
{
    fact->queue = m->queue;
}

void fact_replied(struct ticket_fact_row *fact, time_us at)
{
    earliest(&fact->replied_at, at);
}

/* --- topics --- */

static void stand_in(struct fact_topics *out, text topic)
{
    assert(out->n < FACT_TOPICS);
    out->at[out->n++] = topic;
}

static text or_none(text code)
{
    return code.len > 0 ? code : TEXT("none");
}

void fact_ticket_topics(struct fact_topics *out, const struct ticket_fact_row *fact,
                        struct arena *arena)
{
    if (fact->kind.len == 0) return; /* only a reply has been heard of it */
    stand_in(out,
             arena_printf(arena, "tickets/%.*s/%.*s", TEXT_ARG(fact->kind), TEXT_ARG(fact->state)));
    if (fact->exit.len > 0) {
        text reason = or_none(fact->reason);
        stand_in(out,
                 arena_printf(arena, "exits/%.*s/%.*s", TEXT_ARG(fact->exit), TEXT_ARG(reason)));
    }
    if (fact->closed_at != 0) return;
    text department = or_none(fact->department);
    stand_in(out, TEXT("tickets/open"));
    stand_in(out, arena_printf(arena, "tickets/department/%.*s/open", TEXT_ARG(department)));
    if (fact->handler.len > 0) {
        stand_in(out, arena_printf(arena, "held/%.*s", TEXT_ARG(fact->handler)));
    } else if (fact->queue.len > 0) {
        stand_in(out, arena_printf(arena, "waiting/%.*s", TEXT_ARG(fact->queue)));
    }
}

void fact_clock_topics(struct fact_topics *out, const struct clock_fact_row *fact,
                       struct arena *arena)
{
    stand_in(out, arena_printf(arena, "clocks/%.*s/%.*s", TEXT_ARG(fact->name),
                               TEXT_ARG(fact->verdict)));
}

void fact_held_topics(struct fact_topics *out)
{
    stand_in(out, TEXT("messages/held_till_allowed"));
}

void fact_message_topics(struct fact_topics *out, const struct message_fact_row *fact,
                         struct arena *arena)
{
    stand_in(out, arena_printf(arena, "messages/%.*s", TEXT_ARG(fact->state)));
}

void fact_staff_topics(struct fact_topics *out, const struct staff_fact_row *fact)
{
    if (fact->active) stand_in(out, TEXT("staff/active"));
    if (fact->on_duty) stand_in(out, TEXT("staff/on_duty"));
}

bool fact_topics_have(const struct fact_topics *topics, text topic)
{
    for (size_t i = 0; i < topics->n; i++)
        if (text_equal(topics->at[i], topic)) return true;
    return false;
}
