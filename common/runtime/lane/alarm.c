#include "runtime/lane/alarm.h"

#include "base/log.h"
#include "runtime.msg.h"
#include "runtime/core/job.h"
#include "runtime/core/tables.h"
#include "runtime/journal/reader.h"

#include <stdlib.h>
#include <string.h>

/*
 * Alarms and jobs. The table is the truth; the lane only knows when to look next. Due alarms become
 * messages; the batch that hears one deletes its row in the same transaction. A job's row is marked
 * as running, its work is done here outside any transaction, and its report comes back as a message
 * that deletes the row.
 */

/* Where dead rows cannot be cleaned away (somebody holds a snapshot), a look at all alarms walks
   past every one that ever was. So a look begins where the lane knows the first to be: it sets them
   itself. Others may set one behind its back; those are found, if not due long before, within
   RESCAN_MS, else when all are looked at. */
enum { ALL_MS = 10000, LATE_S = 10, ALARMS_LOST_MAX = 200 /* as in the statement */ };

struct looking {
    struct lane *lane;
    bool all;
    int opening, found, lost;
};

static struct sql *look_sql(void)
{
    static struct sql *sql;
    if (sql == NULL) sql = sql_compile(&sql_alarm_look, &alarm_look_row_shape);
    return sql;
}

static void take_alarm(struct lane *lane, const struct alarm_row *row)
{
    struct work *m = job_read(row);
    if (row->due_at > lane->gate.at) lane->gate.at = row->due_at;
    queue_add(&lane->alarms, m);
}

/* The lane's knowledge from now on. While an alarm is due nothing is earlier than the first of
   them. */
static void take_found(struct looking *looking, struct list found, struct list lost, time_us now)
{
    struct lane *lane = looking->lane;
    time_us first_due = 0;
    lane->next_alarm = 0;
    for (size_t i = 0; i < found.n; i++) {
        const struct alarm_row *row = &LIST(found, struct alarm_row)[i];
        if (row->cause.len == 0) {
            lane->next_alarm = row->due_at;
            continue;
        }
        if (first_due == 0 || row->due_at < first_due) first_due = row->due_at;
        take_alarm(lane, row);
    }
    for (size_t i = 0; i < lost.n; i++) take_alarm(lane, &LIST(lost, struct alarm_row)[i]);
    lane->alarms_from = first_due != 0 ? first_due : lane->next_alarm != 0 ? lane->next_alarm : now;
    if (looking->all && lost.n < ALARMS_LOST_MAX) lane->alarm_all_ms = loop_now_ms() + ALL_MS;
}

static void looked(void *ctx, const struct pg_trip *trip)
{
    struct looking looking = *(struct looking *)ctx;
    struct lane *lane = looking.lane;
    arena_destroy(lane->chore_arena);
    lane->chore_arena = NULL;
    lane->chore = false;
    lane->alarm_look_ms = loop_now_ms() + RESCAN_MS;
    if (trip->outcome != PG_OK) {
        if (!trip->lost) log_warn("alarms_failed", "reason=%s", log_quoted(trip->message));
        lane_wake(lane);
        return;
    }
    struct arena *arena = arena_create();
    struct list found, lost = {0};
    struct err err;
    time_us now = pg_int(pg_result(lane->pg, looking.opening), 0, 0);
    runtime_heard_time(now);
    int bad = sql_read(look_sql(), pg_result(lane->pg, looking.found), arena, &found, &err);
    if (looking.all)
        bad += sql_read(runtime_own_sql(&sql_alarm_lost), pg_result(lane->pg, looking.lost), arena,
                        &lost, &err);
    assert(bad == 0);
    take_found(&looking, found, lost, now);
    if (lane->alarms.n > 0) {
        lane->alarm_look_ms = 0; /* there may be more */
        alarm_gate_find(&lane->gate, runtime.settings.test_clock ? 0 : now, loop_now_ms());
        reader_freshen(lane);
    }
    arena_destroy(arena);
    lane_wake(lane);
}

void alarm_look(struct lane *lane)
{
    struct arena *arena = arena_create();
    struct looking *looking = ARENA_NEW(arena, struct looking);
    struct sql_key keys[PARTITIONS];
    bool told = lane->next_alarm != 0 && lane->next_alarm <= runtime_now();
    struct alarm_look_row ask = {.since = lane->alarms_from, .next_since = lane->alarms_from};
    time_us late = runtime_now() - LATE_S * SECOND_US;
    size_t n = 0;
    looking->lane = lane;
    looking->all = loop_now_ms() >= lane->alarm_all_ms;
    if (!told && late < ask.since) ask.since = late;
    if (looking->all) ask = (struct alarm_look_row){0};
    lane->chore = true;
    lane->chore_arena = arena;
    for (int p = 0; p < PARTITIONS; p++)
        if (lane->slots[p].held) keys[n++] = (struct sql_key){.number = p};
    looking->opening = pg_add(lane->pg, &statement_opening, NULL, 0);
    looking->found = sql_add_keys(lane->pg, look_sql(), keys, n, &ask);
    if (looking->all)
        looking->lost = sql_add_keys(lane->pg, runtime_own_sql(&sql_alarm_lost), keys, n, NULL);
    pg_run(lane->pg, looked, looking);
}

void alarm_look_at_all(struct lane *lane)
{
    lane->alarm_look_ms = 0;
    lane->alarm_all_ms = 0;
}

/* --- the test clock --- */

void alarm_add_clock(struct pg *pg, time_us to, time_us window_from, time_us window_to)
{
    const time_us times[] = {to, window_from, window_to};
    struct pg_param params[COUNT(times)] = {0};
    struct buf bytes = {0};
    for (size_t i = 0; i < COUNT(times); i++)
        buf_add_u64(&bytes, (uint64_t)(times[i] - PG_EPOCH_US));
    for (size_t i = 0; i < COUNT(times); i++)
        if (times[i] != 0) params[i] = (struct pg_param){bytes.at + i * 8, 8};
    pg_add(pg, &statement_clock_set, params, COUNT(params));
    buf_finish(&bytes);
}

/* A lane that knows of its earliest alarm wakes by itself; one that knows of another, or of none,
   looks anew. */
time_us alarm_take_clock(const PGresult *result)
{
    time_us earliest[LANES_MAX] = {0};
    runtime_heard_time(pg_int(result, 0, 0));
    for (int i = 0; i < PQntuples(result); i++) {
        int p = (int)pg_int(result, i, 1), number = p % runtime.lanes_n;
        time_us due = pg_int(result, i, 2);
        if (due == 0 || !runtime.lanes[number]->slots[p].held) continue;
        if (earliest[number] == 0 || due < earliest[number]) earliest[number] = due;
    }
    for (int i = 0; i < runtime.lanes_n; i++)
        if (runtime.lanes[i]->next_alarm != earliest[i]) alarm_look_at_all(runtime.lanes[i]);
    return pg_int(result, 0, 0);
}

/* --- tidying --- */

static void cleaned(void *ctx, const struct pg_trip *trip)
{
    struct lane *lane = ctx;
    lane->chore = false;
    for (int p = 0; p < PARTITIONS && trip->outcome == PG_OK; p++)
        lane->slots[p].cleaned = lane->slots[p].n;
    if (trip->outcome != PG_OK && !trip->lost)
        log_warn("clean_failed", "reason=%s", log_quoted(trip->message));
    lane_wake(lane);
}

/* Position rows below the last one, and replies after their time. */
void alarm_clean(struct lane *lane)
{
    static const struct pg_statement old_replies = {
        "old_replies", "DELETE FROM reply WHERE at < clock_timestamp() - interval '3 days'"};
    struct position_range_row rows[PARTITIONS];
    const void *at[PARTITIONS];
    size_t n = 0;
    lane->chore = true;
    for (int p = 0; p < PARTITIONS; p++) {
        if (!lane->slots[p].held) continue;
        const struct slot *slot = &lane->slots[p];
        rows[n] =
            (struct position_range_row){.partition = p, .low = slot->cleaned, .upto = slot->n};
        at[n] = &rows[n];
        n++;
    }
    sql_add_rows(lane->pg, runtime_own_sql(&sql_position_clean), at, n);
    if (lane->number == 0) {
        static int64_t next_ms;
        if (loop_now_ms() >= next_ms) pg_add(lane->pg, &old_replies, NULL, 0);
        if (loop_now_ms() >= next_ms) pg_add_text(lane->pg, "SELECT journal_extend()");
        if (loop_now_ms() >= next_ms) next_ms = loop_now_ms() + 60000;
    }
    pg_run(lane->pg, cleaned, lane);
}
