#include "runtime/batch/batch.h"

#include "base/failpoint.h"
#include "base/log.h"
#include "base/metrics.h"
#include "runtime/batch/batch_decide.h"
#include "runtime/batch/batch_letters.h"
#include "runtime/batch/batch_load.h"
#include "runtime/batch/batch_loopback.h"
#include "runtime/batch/batch_promises.h"
#include "runtime/batch/batch_rows.h"
#include "runtime/batch/batch_state.h"
#include "runtime/batch/batch_write.h"
#include "runtime/core/reply.h"
#include "runtime/journal/journal.h"

#include <stdlib.h>
#include <string.h>

/*
 * One batch. Trip 1 opens the transaction, claims alarms, looks up kept replies and loads the facts
 * of round 1; each further trip writes the rows of one round and loads the next; the last appends
 * to the journal, moves the positions and commits.
 *
 * A round holds at most one message for each key and each locked row, and those that may follow it
 * (batch_chain.c). A plan that writes a row which another plan of its round writes too is thrown
 * away and decided again in the next round.
 *
 *   batch.c           the trips, from BEGIN to COMMIT
 *   batch_load.c      rounds, and the facts of each
 *   batch_decide.c    plans
 *   batch_chain.c     messages decided on what others of their round have written
 *   batch_promises.c  whether that was what PostgreSQL holds (test builds)
 *   batch_loopback.c  what is said and heard in the same transaction
 *   batch_write.c     what the plans ask for, as set-based statements
 *   batch_letters.c   dead letters: who waits behind them, which are run again
 */

METRIC(batches, .name = "kefu_batches_total", .type = METRIC_COUNTER, .help = "Transactions.",
       .labels = {"outcome"});
METRIC(batch_size, .name = "kefu_batch_messages", .type = METRIC_HISTOGRAM,
       .help = "Messages in one transaction.", .buckets = {1, 2, 4, 8, 16, 32, 64, 128, 256});
METRIC(batch_time, .name = "kefu_batch_seconds", .type = METRIC_HISTOGRAM,
       .help = "From BEGIN to the end of COMMIT.");

static void opened(void *ctx, const struct pg_trip *trip);
static void advanced(void *ctx, const struct pg_trip *trip);
static void committed(void *ctx, const struct pg_trip *trip);

/* --- the trips --- */

static bool ran_out_of_ids(const struct batch *batch)
{
    for (size_t i = 0; i < batch->n; i++)
        if (batch->all[i]->inside.out_of_ids) return true;
    return false;
}

static void rolled_back(void *ctx, const struct pg_trip *trip);

/* To be tried again. */
static void roll_back(struct batch *batch, const char *why)
{
    batch->rolled_back_for = why;
    pg_add_text(batch->lane->pg, "ROLLBACK");
    pg_run(batch->lane->pg, rolled_back, batch);
}

static void step(struct batch *batch)
{
    bool more = batch_decide_round(batch);
    if (ran_out_of_ids(batch)) {
        roll_back(batch, "no numbers are left for what it creates; more are on their way");
        return;
    }
    more = more || batch_hear_own(batch);
    batch_add_writes(batch);
    batch_reread_whole(batch);
    pg_fail_within(batch->lane->pg, "inserted");
    batch->round++;
    if (more) {
        batch_add_loads(batch);
        pg_run(batch->lane->pg, advanced, batch);
        return;
    }
    batch_add_end(batch);
    pg_fail_within(batch->lane->pg, "written");
    pg_add(batch->lane->pg, &statement_commit, NULL, 0);
    batch->committing = true;
    pg_run(batch->lane->pg, committed, batch);
    fail_at("committing");
}

static void read_opening(struct batch *batch)
{
    const PGresult *result = pg_result(batch->lane->pg, batch->opening);
    batch->now = pg_int(result, 0, 0);
    batch->policy_version = pg_int(result, 0, 1);
    batch->window_from = pg_int(result, 0, 2);
    batch->window_to = pg_int(result, 0, 3);
    runtime_heard_time(batch->now);
}

static int order_alarms(const void *a, const void *b)
{
    return sql_compare(&alarm_row_shape, a, b);
}

/* An alarm that the claim did not find was cancelled or moved: it is not heard. */
static void read_claims(struct batch *batch)
{
    struct list rows = {0};
    struct err err;
    if (batch->claims < 0) return;
    struct sql *sql = runtime_own_sql(&sql_alarm_claim);
    int bad = sql_read(sql, pg_result(batch->lane->pg, batch->claims), batch->arena, &rows, &err);
    assert(bad == 0);
    if (rows.n > 0) qsort((void *)rows.at, rows.n, sizeof(struct alarm_row), order_alarms);
    for (size_t i = 0; i < batch->n; i++) {
        struct work *m = batch->all[i];
        if (m->origin != ORIGIN_ALARM && m->origin != ORIGIN_RESULT) continue;
        struct alarm_row wanted = {.partition = m->partition,
                                   .name = m->origin == ORIGIN_RESULT ? job_name(m->job)
                                                                      : m->header.type,
                                   .key = m->header.key};
        const struct alarm_row *row =
            rows.n == 0 ? NULL : bsearch(&wanted, rows.at, rows.n, sizeof(wanted), order_alarms);
        if (row == NULL)
            m->fate = FATE_GONE;
        else if (batch_is_job(m))
            m->attempt = row->attempt.is;
    }
}

static void read_replies(struct batch *batch)
{
    struct list rows = {0};
    struct err err;
    if (batch->replies < 0) return;
    int bad = sql_read(runtime_own_sql(&sql_reply_find), pg_result(batch->lane->pg, batch->replies),
                       batch->arena, &rows, &err);
    assert(bad == 0);
    for (size_t i = 0; i < batch->n && rows.n > 0; i++) {
        struct work *m = batch->all[i];
        if (m->origin != ORIGIN_COMMAND) continue;
        for (size_t k = 0; k < rows.n; k++) {
            const struct kept_reply_row *row = &LIST(rows, struct kept_reply_row)[k];
            if (!text_equal(row->id, m->header.id) || !text_equal(row->principal, m->principal))
                continue;
            m->fate = row->hash.is == m->hash ? FATE_REPEATED : FATE_REFUSED;
            m->kept = row->body;
            if (m->fate == FATE_REFUSED)
                err_field(&m->inside.refusal, "id", NULL, "id %.*s was used for another command",
                          TEXT_ARG(m->header.id));
        }
    }
}

static void open_trip_failed(struct batch *batch, const struct pg_trip *trip);

static void policy_arrived(void *ctx, bool known)
{
    struct lane *lane = runtime.lanes[(intptr_t)ctx];
    if (lane == NULL || !known) return;
    lane->backoff_ms = 0;
    lane_wake(lane);
}

/* Decide round 1. Nothing asynchronous is waited for while the transaction is open: meanwhile it
   could be gone, and what came after would be done outside of it. */
static void step_first(struct batch *batch)
{
    if (policy_usable(batch->policy_version)) {
        batch->policy = policy_known(batch->policy_version);
        step(batch);
        return;
    }
    policy_need(batch->policy_version, policy_arrived, (void *)(intptr_t)batch->lane->number);
    roll_back(batch, "the policy in force is not known here yet");
}

static void take_loads(struct batch *batch, void (*go_on)(struct batch *batch))
{
    struct err err;
    if (batch_read_loads(batch, &err) == 0) {
        go_on(batch);
        return;
    }
    log_error("store_mismatch", "reason=%s", log_quoted(err.message));
    roll_back(batch, "a statement's columns do not fit its shape");
}

static void loaded_first(void *ctx, const struct pg_trip *trip)
{
    struct batch *batch = ctx;
    if (trip->outcome == PG_OK)
        take_loads(batch, step_first);
    else
        open_trip_failed(batch, trip);
}

static void begin_rounds(struct batch *batch);

static void opened(void *ctx, const struct pg_trip *trip)
{
    struct batch *batch = ctx;
    if (trip->outcome != PG_OK) {
        open_trip_failed(batch, trip);
        return;
    }
    read_opening(batch);
    read_claims(batch);
    read_replies(batch);
    if (!batch->asks_for_letters) {
        take_loads(batch, step_first);
        return;
    }
    batch_read_letters(batch);
    begin_rounds(batch);
    if (batch->loadings_n == 0)
        step_first(batch);
    else
        pg_run(batch->lane->pg, loaded_first, batch);
}

static void advanced(void *ctx, const struct pg_trip *trip)
{
    struct batch *batch = ctx;
    if (trip->outcome != PG_OK) {
        open_trip_failed(batch, trip);
        return;
    }
    batch_check_promises(batch);
    take_loads(batch, step);
}

/* --- the end --- */

static void answer(struct work *m)
{
    static struct buf frame, body; /* on the loop alone, one answer after the other */
    buf_clear(&frame);
    buf_clear(&body);
    struct header header = {
        .id = m->header.id, .type = m->header.type, .version = 1, .trace = m->header.trace};
    enum verb verb = VERB_ANSWER;
    if (m->handler->hears->answer != NULL) header.type = text_of(m->handler->hears->answer->name);
    if (m->fate == FATE_REFUSED || m->fate == FATE_RETRY) {
        const struct err *err = &m->inside.refusal;
        verb = m->fate == FATE_REFUSED ? VERB_REFUSED : VERB_RETRY;
        struct refusal refusal = {text_of(err->message), text_of(err->field[0] ? err->field : NULL),
                                  text_of(err->rule[0] ? err->rule : NULL),
                                  reply_reason(verb, err)};
        pack_write(&body, &refusal_shape, &refusal);
        header.type = TEXT("refusal");
    } else {
        text bytes = m->fate == FATE_REPEATED ? m->kept : m->inside.answer;
        if (bytes.len == 0) bytes = TEXT("\x80");
        buf_add_text(&body, bytes);
    }
    pack_envelope(&frame, verb, &header, buf_text(&body));
    bus_reply(m->request, buf_text(&frame));
    m->request = NULL;
}

void batch_destroy(struct batch *batch)
{
    if (batch == NULL) return;
    arena_destroy(batch->arena);
    free(batch);
}

/* Back to the lane, with all messages that are to be run again. */
static void finish(struct batch *batch, const struct pg_trip *trip, bool again)
{
    struct lane *lane = batch->lane;
    struct queue left = {0};
    for (size_t i = 0; i < batch->n; i++) {
        struct work *m = batch->all[i];
        if (again && m->origin != ORIGIN_OWN)
            queue_add(&left, m);
        else
            work_destroy(m);
    }
    batch_done_fn *done = batch->done;
    lane->batch = NULL;
    batch_destroy(batch);
    done(lane, trip, &left, trip->outcome == PG_FENCED);
}

static void forget_decisions(struct batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        struct work *m = batch->all[i];
        m->fate = FATE_OPEN;
        m->decoded = NULL;
        m->inside = (struct plan_inside){0};
    }
}

static void rolled_back(void *ctx, const struct pg_trip *trip)
{
    struct batch *batch = ctx;
    struct pg_trip world = *trip;
    if (world.outcome == PG_OK) {
        world.outcome = PG_TRANSIENT;
        text_format(world.message, sizeof(world.message), "%s", batch->rolled_back_for);
    }
    forget_decisions(batch);
    finish(batch, &world, true);
}

struct failure {
    struct batch *batch;
    struct pg_trip trip;
};

static void cleaned_up(void *ctx, const struct pg_trip *trip)
{
    struct failure *failure = ctx;
    metric_add(&batches, 1,
               failure->trip.outcome == PG_FENCED      ? "fenced"
               : failure->trip.outcome == PG_TRANSIENT ? "transient"
                                                       : "failed");
    struct pg_trip first = failure->trip;
    struct batch *batch = failure->batch;
    if (trip->lost) first.lost = true;
    forget_decisions(batch);
    finish(batch, &first, true);
}

static void open_trip_failed(struct batch *batch, const struct pg_trip *trip)
{
    if (trip->lost || !pg_up(batch->lane->pg)) {
        forget_decisions(batch);
        finish(batch, trip, true);
        return;
    }
    struct failure *failure = ARENA_NEW(batch->arena, struct failure);
    *failure = (struct failure){batch, *trip};
    pg_add_text(batch->lane->pg, "ROLLBACK");
    pg_run(batch->lane->pg, cleaned_up, failure);
}

/* Their rows stand in the table as running. */
static void start_jobs(const struct batch *batch)
{
    for (size_t i = 0; i < batch->starts.n; i++) {
        const struct alarm_set *set = batch->starts.at[i];
        struct work *work = job_read(&set->row);
        work->due = set->due;
        job_start(batch->lane, work);
    }
}

static void committed(void *ctx, const struct pg_trip *trip)
{
    struct batch *batch = ctx;
    struct lane *lane = batch->lane;
    if (trip->outcome != PG_OK) {
        open_trip_failed(batch, trip);
        return;
    }
    batch_check_promises(batch);
    int64_t now_ms = loop_now_ms();
    size_t own = 0;
    fail_at("committed");
    for (int p = 0; p < PARTITIONS; p++)
        if (batch->touched[p]) slot_move(&lane->slots[p], &batch->positions[p], now_ms);
    for (size_t i = 0; i < batch->n; i++) {
        struct work *m = batch->all[i];
        if (m->origin == ORIGIN_COMMAND) answer(m);
        if (m->origin == ORIGIN_EVENT) runtime.sources[m->source].handled++;
        own += m->origin == ORIGIN_OWN;
        if (m->origin == ORIGIN_RESULT) job_destroy(m->job);
        if (batch_begins_job(m)) {
            job_start(lane, m);
            batch->all[i] = batch->all[--batch->n];
            i--;
        }
    }
    batch_letters_committed(batch);
    fail_at("answered");
    start_jobs(batch);
    lane->batches++;
    lane->messages += (int64_t)(batch->n - own);
    metric_add(&batches, 1, "committed");
    metric_observe(&batch_size, (double)(batch->n - own));
    metric_observe(&batch_time, (double)(loop_now_ms() - batch->begun_ms) / 1000);
    if (batch->said.n > 0)
        journal_committed(batch->said.at, batch->said.n, pg_result(lane->pg, batch->heads),
                          pg_result(lane->pg, batch->seqs));
    finish(batch, trip, false);
    if (runtime.service->committed != NULL) runtime.service->committed();
}

/* --- the beginning --- */

/* Letters set aside, and what will join them, stay what they are: each is kept, and settled, as a
   row of its own. */
static bool may_unite(const struct batch *batch, const struct work *m)
{
    return m->fate == FATE_OPEN && m->handler != NULL && batch_unites(m->handler) &&
           m->origin != ORIGIN_DEAD && !batch_parks(batch, m);
}

/* The next message that stands for this one as well. */
static struct work *stand_in(const struct batch *batch, size_t i)
{
    const struct work *m = batch->all[i];
    for (size_t k = i + 1; k < batch->n; k++)
        if (batch->all[k]->handler == m->handler && may_unite(batch, batch->all[k]) &&
            text_equal(batch->all[k]->header.key, m->header.key) &&
            batch_one_time(batch->all[k]->header.time, m->header.time))
            return batch->all[k];
    return NULL;
}

/* Of level-triggered events, and of those that add up, only the last one of each key is decided. */
static void coalesce(struct batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        struct work *m = batch->all[i];
        struct work *last = may_unite(batch, m) ? stand_in(batch, i) : NULL;
        if (last == NULL) continue;
        if (m->handler->merge != NULL) m->handler->merge(batch->arena, last->decoded, m->decoded);
        m->fate = FATE_GONE;
    }
}

static void add_opening(struct batch *batch)
{
    struct rows claims = {0}, replies = {0};
    struct pg *pg = batch->lane->pg;
    pg_add(pg, &statement_begin, NULL, 0);
    batch->opening = pg_add(pg, &statement_opening, NULL, 0);
    for (size_t i = 0; i < batch->n; i++) {
        const struct work *m = batch->all[i];
        if (m->origin == ORIGIN_ALARM || m->origin == ORIGIN_RESULT) {
            struct alarm_row *row = ARENA_NEW(batch->arena, struct alarm_row);
            *row = (struct alarm_row){
                .partition = m->partition,
                .key = m->header.key,
                .due_at = m->due,
                .running = given_bool(batch_is_job(m) && m->fate != FATE_DEAD),
                .name = m->origin == ORIGIN_RESULT ? job_name(m->job) : m->header.type,
                .attempt = {1, m->origin == ORIGIN_RESULT}};
            batch_collect(batch, &claims, row);
        } else if (m->origin == ORIGIN_COMMAND) {
            struct kept_reply_row *row = ARENA_NEW(batch->arena, struct kept_reply_row);
            *row = (struct kept_reply_row){.principal = m->principal, .id = m->header.id};
            batch_collect(batch, &replies, row);
        }
    }
    batch->claims = claims.n == 0
                        ? -1
                        : sql_add_rows(pg, runtime_own_sql(&sql_alarm_claim), claims.at, claims.n);
    batch->replies =
        replies.n == 0 ? -1
                       : sql_add_rows(pg, runtime_own_sql(&sql_reply_find), replies.at, replies.n);
}

static void begin_rounds(struct batch *batch)
{
    coalesce(batch);
    batch_assign_rounds(batch, 0);
    batch->round = 1;
    batch_add_loads(batch);
}

static void begin(struct batch *batch)
{
    batch->asks_for_letters = batch_asks_for_letters(batch);
    add_opening(batch);
    if (batch->asks_for_letters)
        batch_add_letters(batch);
    else
        begin_rounds(batch);
    pg_fail_within(batch->lane->pg, "claimed");
    pg_run(batch->lane->pg, opened, batch);
}

static void judge_suspect(struct batch *batch)
{
    struct work *m = batch->all[0];
    if (m->suspected <= ATTEMPTS_MAX) return;
    err_set(&m->why, "the process died %lld times while handling it", (long long)m->suspected - 1);
    err_set(&m->inside.refusal, "%s", m->why.message);
    if (m->origin == ORIGIN_COMMAND)
        m->fate = FATE_REFUSED;
    else
        batch_set_aside(batch, m);
}

/* Careful mode: the suspect's name is committed; has it been seen too often? */
static void suspected(void *ctx, const struct pg_trip *trip)
{
    struct batch *batch = ctx;
    if (trip->outcome != PG_OK) {
        forget_decisions(batch);
        finish(batch, trip, true);
        return;
    }
    batch->all[0]->suspected = pg_int(pg_result(batch->lane->pg, batch->suspects), 0, 1);
    judge_suspect(batch);
    begin(batch);
}

static void begin_carefully(struct batch *batch)
{
    struct suspect_row row = {.identity = work_identity(batch->all[0], batch->arena)};
    const void *rows[] = {&row};
    batch->suspects = sql_add_rows(batch->lane->pg, runtime_own_sql(&sql_suspect_put), rows, 1);
    pg_run(batch->lane->pg, suspected, batch);
}

void batch_run(struct lane *lane, struct queue *take_messages, batch_done_fn *done)
{
    struct batch *batch = mem_alloc(sizeof(*batch));
    batch->lane = lane;
    batch->done = done;
    batch->begun_ms = loop_now_ms();
    batch->arena = arena_create();
    if (lane->scratch == NULL)
        lane->scratch = mem_alloc(sizeof(struct conflict) * CONFLICTS + sizeof(uint64_t) * CLAIMED);
    batch->conflicts = lane->scratch;
    batch->claimed = (uint64_t *)(batch->conflicts + CONFLICTS);
    batch->host = (struct plan_host){ids_new, runtime_policy_of, NULL};
    for (struct work *m; (m = queue_take(take_messages)) != NULL;) {
        assert(batch->n < BATCH_MAX);
        batch->all[batch->n++] = m;
        if (m->origin != ORIGIN_DEAD) batch_decode(batch, m);
    }
    lane->batch = batch;
    if (!runtime.isolating || batch->n != 1) {
        begin(batch);
    } else if (batch->all[0]->suspected == 0) {
        begin_carefully(batch);
    } else { /* once more, though the process has not died: not counted */
        judge_suspect(batch);
        begin(batch);
    }
}
