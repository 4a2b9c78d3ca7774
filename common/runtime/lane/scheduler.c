#include "runtime/lane/scheduler.h"

#include "base/log.h"
#include "runtime/batch/batch.h"
#include "runtime/core/lane_reset.h"
#include "runtime/core/overdue.h"
#include "runtime/core/reply.h"
#include "runtime/journal/reader.h"
#include "runtime/lane/alarm.h"
#include "runtime/lane/choice.h"
#include "runtime/lane/lease.h"
#include "runtime/lane/letters.h"
#include "runtime/lane/place.h"

#include <stdlib.h>
#include <string.h>

enum {
    BACKOFF_MS = 20,
    BACKOFF_MAX_MS = 2000,
    ENOUGH = BATCH_MAX / 4,
    GATHER_MS = 3,
    CLEAN_MS = 1000,
    CLEAN_LATE_MS = 10000,
    OVERDUE_LOOK_MS = 100
};

/* --- queues --- */

static void run_lane(struct lane *lane);

static void on_time(void *ctx)
{
    run_lane(ctx);
}

/* A creating command stays, though the partition chosen for it has moved. */
static bool place_again(struct work *work)
{
    struct lane *lane = work->handler->creates ? place_command(work) : NULL;
    if (lane == NULL || !lane_holds(lane, work->partition)) return false;
    turns_add(&lane->commands, work);
    lane_wake(lane);
    return true;
}

/* While the leases are not known yet commands wait; then those of partitions held elsewhere are
   sent away. */
static void accept(struct lane *lane, struct work *work)
{
    if (!lane->ready)
        queue_add(&lane->waiting_leases, work);
    else if (lane_holds(lane, work->partition))
        turns_add(&lane->commands, work);
    else if (!place_again(work))
        reply_refuse_work(work, VERB_RETRY, NULL, "another replica holds partition %d",
                          work->partition);
}

/* Work of the running transaction is in none of these queues. */
static void answer_overdue(void *ctx)
{
    struct lane *lane = ctx;
    turns_filter(&lane->commands, overdue_take);
    overdue_take(&lane->waiting_leases);
    overdue_take(&lane->single);
    if (lane->commands.n + lane->waiting_leases.n + lane->single.n + (lane->batch != NULL) == 0)
        loop_timer_stop(&lane->overdue_timer);
}

void lane_command(struct lane *lane, struct work *work)
{
    accept(lane, work);
    if (!loop_timer_runs(&lane->overdue_timer))
        loop_timer_start(&lane->overdue_timer, OVERDUE_LOOK_MS, OVERDUE_LOOK_MS, answer_overdue,
                         lane);
    lane_wake(lane);
}

static void send_away(struct queue *queue)
{
    struct queue all = *queue;
    *queue = (struct queue){0};
    for (struct work *m; (m = queue_take(&all)) != NULL;)
        if (m->origin == ORIGIN_COMMAND)
            reply_refuse_work(m, VERB_RETRY, NULL, "%s is being stopped", runtime.service->name);
        else
            queue_add(queue, m);
}

void lane_send_away(struct lane *lane)
{
    turns_filter(&lane->commands, send_away);
    send_away(&lane->waiting_leases);
    send_away(&lane->single);
}

static void accept_waiting(struct lane *lane)
{
    struct queue waiting = lane->waiting_leases;
    lane->waiting_leases = (struct queue){0};
    for (struct work *m; (m = queue_take(&waiting)) != NULL;) accept(lane, m);
}

/* --- the next batch --- */

/* `most` milliseconds at the longest. */
static void sleep_until_needed(struct lane *lane, int64_t most)
{
    int64_t now = loop_now_ms(), until = lane->lease_look_ms;
    if (now + most < until) until = now + most;
    if (lane->alarm_look_ms < until) until = lane->alarm_look_ms;
    if (lane->next_alarm != 0 && lane->alarms.n == 0) {
        int64_t left = (lane->next_alarm - runtime_now()) / 1000 + 1;
        if (now + left < until) until = now + (left < 0 ? 0 : left);
    }
    if (lane->alarms.n > 0 && now + 20 < until) until = now + 20;
    loop_timer_start(&lane->timer, until > now ? until - now : 1, 0, on_time, lane);
}

static bool alarms_wanted(const struct lane *lane)
{
    if (lane->alarms.n > 0) return false;
    if (loop_now_ms() >= lane->alarm_look_ms) return true;
    return lane->next_alarm != 0 && lane->next_alarm <= runtime_now();
}

/* Clients just answered are about to ask again: the first of them would otherwise be a batch of
   their own, and the others wait for it. */
static int64_t commands_wait(const struct lane *lane)
{
    int64_t left = lane->gather_until_ms - loop_now_ms();
    bool enough = lane->commands.n * 4 >= lane->gather_n * 3;
    return enough || left < 0 ? 0 : left;
}

/* They are sorted by due time. */
static bool has_ripe_alarms(const struct lane *lane)
{
    const struct work *first = lane->alarms.first;
    return first != NULL &&
           alarm_gate_lets(&lane->gate, runtime.sources_n, first->due, 0, loop_now_ms());
}

/* How long to keep gathering before the next batch, in ms. */
static int64_t wait_left(const struct lane *lane)
{
    size_t events = lane->events.n + lane->results.n;
    if (lane->single.n > 0 || lane->letters.n > 0 || has_ripe_alarms(lane) || events >= ENOUGH)
        return 0;
    if (lane->commands.n > 0) return commands_wait(lane);
    return events > 0 ? lane_pace_left(&lane->pace) : 0;
}

static size_t count_commands(const struct queue *queue)
{
    size_t n = 0;
    for (const struct work *m = queue->first; m != NULL; m = m->next)
        n += m->origin == ORIGIN_COMMAND;
    return n;
}

static void end_batch(struct lane *lane, const struct pg_trip *trip, struct queue *left,
                      bool fenced);

/* What jobs report is committed until all have reported: whoever holds the partition next would do
   their work again. A lease goes on as long. */
static void drain(struct lane *lane)
{
    struct queue chosen = {0};
    int64_t left = lane->lease_look_ms - loop_now_ms();
    if (choice_make(lane, &chosen))
        batch_run(lane, &chosen, end_batch);
    else
        loop_timer_start(&lane->timer, left > 0 ? left : 1, 0, on_time, lane);
}

static void run_lane(struct lane *lane)
{
    struct queue chosen = {0};
    if (runtime.draining) lane_send_away(lane);
    if (runtime.leaving || lane->pg == NULL || !pg_up(lane->pg) || pg_busy(lane->pg) ||
        lane->batch != NULL || lane->chore)
        return;
    if (loop_now_ms() < lane->backoff_ms) {
        loop_timer_start(&lane->timer, lane->backoff_ms - loop_now_ms() + 1, 0, on_time, lane);
        return;
    }
    alarm_gate_pass(&lane->gate, loop_now_ms());
    if (lease_due(lane)) {
        lease_look(lane);
        return;
    }
    if (!lane->ready) {
        sleep_until_needed(lane, RESCAN_MS);
        return;
    }
    if (lane->waiting_leases.n > 0) accept_waiting(lane);
    if (runtime.draining) {
        drain(lane);
        return;
    }
    if (!runtime.policies_ready ||
        (runtime.service->policy != NULL && runtime.policy_version == 0)) {
        sleep_until_needed(lane, RESCAN_MS);
        return;
    }
    if (alarms_wanted(lane)) {
        alarm_look(lane);
        return;
    }
    if (letters_due(lane)) {
        letters_look(lane);
        return;
    }
    answer_overdue(lane);
    int64_t clean_due = loop_now_ms() - lane->clean_ms, rest = wait_left(lane);
    if (rest > 0) {
        sleep_until_needed(lane, rest);
    } else if (clean_due < CLEAN_LATE_MS && choice_make(lane, &chosen)) {
        pace_note(&lane->pace, loop_now_ms(), runtime.settings.batch_interval_ms);
        lane->gather_n = count_commands(&chosen);
        if (lane->gather_n > 0) place_turn(lane);
        batch_run(lane, &chosen, end_batch);
    } else if (clean_due >= 0) {
        lane->clean_ms = loop_now_ms() + CLEAN_MS;
        alarm_clean(lane);
    } else {
        sleep_until_needed(lane, RESCAN_MS);
    }
    reader_pull(lane);
    if (lane->alarms.n > 0) reader_freshen(lane);
}

/* --- after a batch --- */

static void wait_a_little(struct lane *lane)
{
    int64_t wait = BACKOFF_MS << (lane->failures < 6 ? lane->failures : 6);
    lane->failures++;
    lane->backoff_ms = loop_now_ms() + loop_jitter(wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS);
}

static void restore(struct lane *lane, struct queue *left)
{
    queue_join(left, &lane->single);
    lane->single = *left;
}

/* A batch that failed by its own fault is run again one message at a time; the one that fails alone
   is counted. */
static void take_apart(struct lane *lane, struct queue *left)
{
    if (left->n == 1) left->first->failures++;
    restore(lane, left);
    lane->races = ATTEMPTS_MAX;
}

static void refuse_hopeless(struct lane *lane, const struct pg_trip *trip)
{
    struct work *m = lane->single.first;
    if (m == NULL || m->origin != ORIGIN_COMMAND || m->failures < ATTEMPTS_MAX) return;
    queue_take(&lane->single);
    reply_refuse_work(m, VERB_REFUSED, NULL, "internal fault %s", trip->state);
}

/* Somebody else wrote such a row first. That has committed, so whoever looks now finds it; it is
   nobody's fault, unless it goes on. */
static bool has_raced(struct lane *lane, const struct pg_trip *trip, struct queue *left)
{
    if (strcmp(trip->state, "23505") != 0 || trip->outcome != PG_FAILED || trip->lost) return false;
    if (lane->races >= ATTEMPTS_MAX || ++lane->races >= ATTEMPTS_MAX) return false;
    log_info("batch_raced", "lane=%d messages=%zu reason=%s", lane->number, left->n,
             log_quoted(trip->message));
    restore(lane, left);
    run_lane(lane);
    return true;
}

static void end_batch(struct lane *lane, const struct pg_trip *trip, struct queue *left,
                      bool fenced)
{
    if (trip->outcome == PG_OK) {
        lane->failures = lane->races = 0;
        lane->trouble[0] = '\0';
        lane->backoff_ms = 0;
        lane->gather_until_ms = loop_now_ms() + GATHER_MS;
        run_lane(lane);
        return;
    }
    if (has_raced(lane, trip, left)) return;
    if (strcmp(trip->state, "40P01") == 0) runtime.deadlocks++;
    log_warn("batch_failed", "lane=%d messages=%zu state=%s reason=%s", lane->number, left->n,
             trip->state, log_quoted(trip->message));
    if (trip->lost) lane->lost_jobs = true;
    if (trip->lost || trip->outcome == PG_TRANSIENT) overdue_doubt(left);
    if (fenced || trip->lost) {
        restore(lane, left);
        lane_reset(lane);
    } else if (trip->outcome == PG_TRANSIENT) {
        text_format(lane->trouble, sizeof(lane->trouble), "%s%s%s", trip->state,
                    trip->state[0] == '\0' ? "" : " ", trip->message);
        if (lane_lacks_resources(trip)) lane_send_back(left, trip->state);
        restore(lane, left);
    } else {
        for (struct work *m = left->first; m != NULL; m = m->next)
            err_set(&m->why, "%s", trip->message);
        take_apart(lane, left);
        refuse_hopeless(lane, trip);
    }
    wait_a_little(lane);
    run_lane(lane);
}

/* --- life --- */

static void on_change(void *ctx, bool up)
{
    struct lane *lane = ctx;
    if (!up) {
        lane->chore = false;
        lane_reset(lane);
    } else {
        log_debug("lane_up", "lane=%d backend=%d", lane->number, pg_backend(lane->pg));
    }
    lane_wake(lane);
}

static char *name_owner(int number)
{
    struct buf name = {0};
    buf_printf(&name, "%s/%d", runtime.owner, number);
    char *owner = mem_string(buf_text(&name));
    buf_finish(&name);
    return owner;
}

void lane_start(int number)
{
    struct lane *lane = mem_alloc(sizeof(*lane));
    lane->number = number;
    lane->isolate_until_ms = loop_now_ms() + runtime.settings.isolate_after_crash_ms;
    lane->run = run_lane;
    runtime.lanes[number] = lane;
    lane->owner = name_owner(number);
    lane->pg = pg_create(runtime.settings.database, runtime_setup_of(lane->owner), on_change, lane);
}

void lane_stop(struct lane *lane)
{
    loop_timer_stop(&lane->timer);
    loop_timer_stop(&lane->overdue_timer);
    pg_destroy(lane->pg);
    lane->pg = NULL;
    batch_destroy(lane->batch);
    arena_destroy(lane->chore_arena);
    lane_drop(&lane->single);
    turns_empty(&lane->commands, &lane->waiting_leases);
    lane_drop(&lane->results);
    lane_drop(&lane->events);
    lane_drop(&lane->alarms);
    lane_drop(&lane->waiting_leases);
    lane_drop(&lane->letters);
    free(lane->scratch);
    free(lane->owner);
    free(lane);
}
