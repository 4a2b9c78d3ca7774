#include "runtime/batch/batch_write.h"

#include "base/failpoint.h"
#include "base/log.h"
#include "runtime/batch/batch_letters.h"
#include "runtime/batch/batch_rows.h"
#include "runtime/core/position.h"

#include <string.h>

static struct alarm_row *alarm_row_of(struct batch *batch, const struct work *m,
                                      const struct plan_alarm *alarm)
{
    time_us due = batch_due_of(batch, m, alarm);
    struct alarm_set *set = ARENA_NEW(batch->arena, struct alarm_set);
    struct alarm_row *row = &set->row;
    set->due = due;
    *row = (struct alarm_row){.partition = alarm->partition,
                              .name = text_of(alarm->name),
                              .key = alarm->key,
                              .due_at = alarm->cancel ? 0 : due,
                              .attempt = given_int(alarm->attempt),
                              .running = given_bool(false),
                              .cause = batch_cause_of(batch, m),
                              .body = alarm->body};
    /* A job that is due already begins when this transaction has committed: its row is written as
       running. In isolation it is claimed. */
    if (alarm->job && due <= m->plan.now && !runtime.isolating && !runtime.draining &&
        lane_holds(batch->lane, alarm->partition)) {
        row->running.is = true;
        row->attempt.is++;
        row->due_at = batch->now + JOB_LOST_S * SECOND_US;
    }
    return row;
}

/* The last word on each alarm counts. */
static void add_alarms(struct batch *batch)
{
    struct rows sets = {0}, drops = {0}, kept = {0};
    for (size_t i = 0; i < batch->n; i++) {
        const struct work *m = batch->all[i];
        if (m->fate != FATE_DONE) continue;
        for (const struct plan_alarm *alarm = m->inside.alarms; alarm != NULL; alarm = alarm->next)
            batch_collect(batch, &sets, alarm_row_of(batch, m, alarm));
    }
    batch_sort_rows(batch, &sets, &sql_alarm_set);
    for (size_t i = 0; i < sets.n; i++) {
        const struct alarm_row *row = sets.at[i];
        batch_collect(batch, row->due_at == 0 ? &drops : &kept, row);
        if (row->running.is)
            batch_collect(batch, &batch->starts, row);
        else if (row->due_at != 0)
            batch_expect_alarm(batch->lane, row);
    }
    batch_send_rows(batch, runtime_own_sql(&sql_alarm_drop), &drops);
    batch_send_rows(batch, runtime_own_sql(&sql_alarm_set), &kept);
}

static void add_replies(struct batch *batch)
{
    struct rows rows = {0};
    for (size_t i = 0; i < batch->n; i++) {
        const struct work *m = batch->all[i];
        if (m->origin != ORIGIN_COMMAND || m->fate != FATE_DONE) continue;
        struct kept_reply_row *row = ARENA_NEW(batch->arena, struct kept_reply_row);
        *row = (struct kept_reply_row){.principal = m->principal,
                                       .id = m->header.id,
                                       .hash = given_int(m->hash),
                                       .body = m->inside.answered ? m->inside.answer : TEXT("")};
        batch_collect(batch, &rows, row);
    }
    batch_send_rows(batch, runtime_own_sql(&sql_reply_put), &rows);
}

/* A message that survived is cleared of suspicion; a job only starting now is not. */
static const struct work *cleared(const struct work *m)
{
    if (m->origin == ORIGIN_RESULT && job_work(m->job)->suspected > 0) return job_work(m->job);
    return m->suspected > 0 && !batch_begins_job(m) ? m : NULL;
}

static void add_suspects_cleared(struct batch *batch)
{
    struct rows rows = {0};
    for (size_t i = 0; i < batch->n; i++) {
        const struct work *m = cleared(batch->all[i]);
        if (m == NULL) continue;
        struct suspect_row *row = ARENA_NEW(batch->arena, struct suspect_row);
        row->identity = work_identity(m, batch->arena);
        batch_collect(batch, &rows, row);
    }
    batch_send_rows(batch, runtime_own_sql(&sql_suspect_drop), &rows);
}

/* An event for this service itself that others of its kind become one with. */
struct united {
    const struct plan_event *event; /* the first of them */
    struct journal_row *row;
    void *body; /* what all of them say; NULL: as the first */
};

static struct united *united_with(const struct rows *all, const struct plan_event *event,
                                  time_us at)
{
    for (size_t i = 0; i < all->n; i++) {
        struct united *united = (struct united *)all->at[i];
        if (united->event->shape == event->shape && text_equal(united->event->key, event->key) &&
            batch_one_time(united->row->at, at))
            return united;
    }
    return NULL;
}

/* False: one of both cannot be read; let their hearer find out. */
static bool unite(struct batch *batch, struct united *united, const struct handler *own,
                  const struct plan_event *event)
{
    if (own->merge == NULL) return true;
    void *said = batch_read_said(batch, event);
    if (united->body == NULL) united->body = batch_read_said(batch, united->event);
    if (said == NULL || united->body == NULL) return false;
    own->merge(batch->arena, united->body, said);
    return true;
}

static void collect_event(struct batch *batch, struct rows *all_united, const struct work *m,
                          const struct plan_event *event)
{
    const struct handler *own = batch_own_hearer(event);
    bool unites = own != NULL && batch_unites(own);
    struct united *united = unites ? united_with(all_united, event, m->plan.now) : NULL;
    if (united != NULL && unite(batch, united, own, event)) return;
    struct journal_row *row = ARENA_NEW(batch->arena, struct journal_row);
    *row = (struct journal_row){.partition = event->partition,
                                .at = m->plan.now,
                                .type = text_of(event->shape->name),
                                .version = event->shape->version,
                                .key = event->key,
                                .cause = batch_cause_of(batch, m),
                                .trace = m->header.trace,
                                .body = event->body};
    batch_collect(batch, &batch->said, row);
    if (!unites) return;
    united = ARENA_NEW(batch->arena, struct united);
    *united = (struct united){event, row, NULL};
    batch_collect(batch, all_united, united);
}

static int order_said(const struct shape *shape, const void *a, const void *b)
{
    const struct journal_row *left = a, *right = b;
    (void)shape;
    if (left->partition != right->partition) return left->partition < right->partition ? -1 : 1;
    return text_compare(left->key, right->key);
}

/* Events of the plans, by partition and key, else in the order of the messages. So hearers get the
   events of one key together, and decide them together; between the keys of one commit there is no
   order. */
static void collect_said(struct batch *batch)
{
    struct rows all_united = {0};
    for (size_t i = 0; i < batch->n; i++) {
        const struct work *m = batch->all[i];
        if (m->fate != FATE_DONE) continue;
        for (const struct plan_event *event = m->inside.events; event != NULL; event = event->next)
            collect_event(batch, &all_united, m, event);
    }
    for (size_t i = 0; i < all_united.n; i++) {
        const struct united *united = all_united.at[i];
        if (united->body != NULL)
            united->row->body = batch_pack(batch, united->event->shape, united->body);
    }
    batch_sort_stably(batch, &batch->said, order_said, &journal_row_shape);
}

static void add_journal(struct batch *batch)
{
    struct rows locks = {0};
    int64_t last = -1;
    collect_said(batch);
    for (size_t i = 0; i < batch->said.n; i++) {
        const struct journal_row *row = batch->said.at[i];
        if (row->partition == last) continue;
        struct partition_lock_row *lock = ARENA_NEW(batch->arena, struct partition_lock_row);
        last = lock->partition = row->partition;
        batch_collect(batch, &locks, lock);
    }
    if (batch->said.n == 0) return;
    sql_add_rows(batch->lane->pg, runtime_own_sql(&sql_journal_lock), locks.at, locks.n);
    batch->heads =
        sql_add_rows(batch->lane->pg, runtime_own_sql(&sql_journal_heads), locks.at, locks.n);
    batch->seqs = sql_add_rows(batch->lane->pg, runtime_own_sql(&sql_journal_put), batch->said.at,
                               batch->said.n);
    pg_fail_within(batch->lane->pg, "drawn");
}

/* Where the partitions of the batch will stand: nothing of it counts before the commit. */
static void plan_positions(struct batch *batch)
{
    const struct lane *lane = batch->lane;
    struct backlog backlog = lane_backlog(lane);
    for (size_t i = 0; i < batch->n; i++) {
        const struct work *m = batch->all[i];
        struct slot_position *position = &batch->positions[m->partition];
        assert(lane->slots[m->partition].held); /* or this would take it back from its owner */
        if (!batch->touched[m->partition])
            *position = slot_next(&lane->slots[m->partition], &backlog, m->partition);
        batch->touched[m->partition] = true;
        if (m->origin == ORIGIN_EVENT) slot_position_pass(position, m->source, m->seq);
    }
}

static void add_positions(struct batch *batch)
{
    struct rows rows = {0};
    plan_positions(batch);
    for (int p = 0; p < PARTITIONS; p++) {
        if (!batch->touched[p]) continue;
        struct buf seqs = {0};
        struct position_row *row = ARENA_NEW(batch->arena, struct position_row);
        position_write(batch->positions[p].done, &seqs);
        *row = (struct position_row){.partition = p,
                                     .n = batch->positions[p].n,
                                     .owner = text_of(batch->lane->owner),
                                     .seqs = arena_text(batch->arena, buf_text(&seqs)),
                                     .lease_ms = given_int(runtime.settings.lease_ms)};
        buf_finish(&seqs);
        batch_collect(batch, &rows, row);
    }
    batch_send_rows(batch, runtime_own_sql(&sql_position_put), &rows);
}

void batch_add_end(struct batch *batch)
{
    batch_add_counters(batch);
    add_alarms(batch);
    add_replies(batch);
    batch_add_dead(batch);
    add_suspects_cleared(batch);
    add_journal(batch);
    pg_fail_within(batch->lane->pg, "effect");
    add_positions(batch);
}
