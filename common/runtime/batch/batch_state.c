#include "runtime/batch/batch_state.h"

#include <string.h>

void batch_collect(struct batch *batch, struct rows *rows, const void *row)
{
    if (rows->n == rows->room) {
        size_t room = rows->room == 0 ? 64 : rows->room * 2;
        const void **at = (const void **)arena_alloc(batch->arena, sizeof(void *) * room);
        if (rows->n > 0) memcpy(at, rows->at, sizeof(void *) * rows->n);
        rows->at = at;
        rows->room = room;
    }
    rows->at[rows->n++] = row;
}

text batch_pack(struct batch *batch, const struct shape *shape, const void *body)
{
    struct buf bytes = {0};
    pack_write(&bytes, shape, body);
    text packed = arena_text(batch->arena, buf_text(&bytes));
    buf_finish(&bytes);
    return packed;
}

void batch_decode(struct batch *batch, struct work *m)
{
    if (m->fate != FATE_OPEN) return;
    if (m->failures >= ATTEMPTS_MAX && m->origin != ORIGIN_COMMAND) {
        batch_set_aside(batch, m);
        return;
    }
    if (m->handler == NULL)
        err_set(&m->why, "this %s does not know %.*s, version %lld", runtime.service->name,
                TEXT_ARG(m->header.type), (long long)m->header.version);
    else
        m->decoded = pack_read(m->body, m->handler->hears, batch->arena, &m->why);
    if (m->decoded == NULL) batch_set_aside(batch, m);
}

void batch_set_aside(struct batch *batch, struct work *m)
{
    m->fate = FATE_DEAD;
    batch->set_aside++;
}

static bool has_window(const struct batch *batch)
{
    return batch->window_from < batch->window_to;
}

time_us batch_time_of(const struct batch *batch, const struct work *m)
{
    time_us at = m->origin == ORIGIN_ALARM    ? m->due
                 : m->origin == ORIGIN_RESULT ? job_work(m->job)->due
                                              : m->header.time;
    if (!has_window(batch) || at == 0) return batch->now;
    if (at < batch->window_from) return batch->window_from;
    return at < batch->window_to ? at : batch->window_to;
}

bool batch_one_time(time_us one, time_us other)
{
    return one == other || !runtime.settings.test_clock;
}

time_us batch_due_of(const struct batch *batch, const struct work *m,
                     const struct plan_alarm *alarm)
{
    return has_window(batch) && alarm->due < m->plan.now ? m->plan.now : alarm->due;
}

text batch_cause_of(struct batch *batch, const struct work *m)
{
    bool again = m->origin == ORIGIN_DEAD;
    if ((m->origin == ORIGIN_EVENT || again) && m->source >= 0)
        return arena_printf(batch->arena, "%s/%d/%lld", runtime.sources[m->source].name,
                            m->partition, (long long)m->seq);
    if (m->origin == ORIGIN_COMMAND)
        return arena_printf(batch->arena, "command/%.*s", TEXT_ARG(m->header.id));
    if (m->origin == ORIGIN_ALARM || (again && m->handler->kind == ON_ALARM))
        return arena_printf(batch->arena, "alarm/%s/%.*s", m->handler->hears->name,
                            TEXT_ARG(m->header.key));
    return m->header.cause;
}

bool batch_is_job(const struct work *m)
{
    return m->origin == ORIGIN_ALARM && m->handler != NULL && m->handler->kind == ON_JOB;
}

bool batch_begins_job(const struct work *m)
{
    return batch_is_job(m) && m->fate != FATE_GONE && m->fate != FATE_DEAD;
}

void batch_expect_alarm(struct lane *lane, const struct alarm_row *row)
{
    if (!lane_owns_number(lane, (int)row->partition)) return;
    if (lane->next_alarm == 0 || row->due_at < lane->next_alarm) lane->next_alarm = row->due_at;
    if (row->due_at < lane->alarms_from) lane->alarms_from = row->due_at;
}

/* --- what the service says to itself --- */

bool batch_unites(const struct handler *handler)
{
    return handler->coalesce || handler->merge != NULL;
}

const struct handler *batch_own_hearer(const struct plan_event *event)
{
    return runtime_handler(ON_EVENT, runtime.service->name, text_of(event->shape->name),
                           event->shape->version);
}

void *batch_read_said(struct batch *batch, const struct plan_event *event)
{
    struct err err;
    return pack_read(event->body, event->shape, batch->arena, &err);
}

void batch_say_after_all(struct batch *batch, struct work *m)
{
    struct plan_event **end = &m->sayer->inside.events;
    while (*end != NULL) end = &(*end)->next;
    if (m->handler->merge != NULL)
        m->event->body = batch_pack(batch, m->handler->hears, m->decoded);
    *end = m->event;
    m->event->next = NULL;
    m->event->late = true;
    m->fate = FATE_GONE;
}
