#include "runtime/lane/lease.h"

#include "base/failpoint.h"
#include "base/log.h"
#include "runtime.msg.h"
#include "runtime/core/lane_reset.h"
#include "runtime/core/position.h"
#include "runtime/core/tables.h"
#include "runtime/journal/journal.h"
#include "runtime/journal/reader.h"
#include "runtime/lane/alarm.h"
#include "runtime/lane/fair_share.h"
#include "runtime/lane/letters.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Leases. A lane looks at the last position of each of its partitions every third of a lease: it
 * claims those that nobody holds, renews its own, and gives up what is above its fair share when
 * replicas join. Everything is the insert of the next position row; whoever inserts a row that is
 * there already has lost the partition.
 */

enum { JOBS_WAIT_MS = 5000, JOBS_LOOK_MS = 100 };

struct look {
    struct lane *lane;
    struct arena *arena;
    int members, positions;
    int64_t replicas, rank; /* of those alive, by name */
    struct list last;
    bool claimed[PARTITIONS], released[PARTITIONS], written[PARTITIONS];
    struct slot_position next[PARTITIONS]; /* of what is written, once that has committed */
    bool claims;                           /* something is claimed */
    bool puts_off;                         /* jobs keep it from giving away all that it should */
    /* of owners that did not give back what is claimed */
    const struct position_row *before[PARTITIONS];
    size_t before_n;
    bool orphans;   /* jobs of a process now gone */
    bool lost_jobs; /* jobs of this one */
};

bool lease_due(const struct lane *lane)
{
    return loop_now_ms() >= lane->lease_look_ms;
}

static void finish(struct look *look)
{
    struct lane *lane = look->lane;
    arena_destroy(lane->chore_arena);
    lane->chore_arena = NULL;
    lane->chore = false;
}

static void give_up(struct look *look, const struct pg_trip *trip)
{
    struct lane *lane = look->lane;
    log_warn("lease_failed", "lane=%d state=%s reason=%s", lane->number, trip->state,
             log_quoted(trip->message));
    finish(look);
    lane_lease_failed(lane, trip);
    lane->lease_look_ms = loop_now_ms() + 100;
    lane_wake(lane);
}

/* Position rows to write: claims, renewals, releases. */
static size_t plan_rows(struct look *look, const struct position_row **rows)
{
    const struct lane *lane = look->lane;
    struct backlog backlog = lane_backlog(lane);
    int64_t now_ms = loop_now_ms();
    size_t n = 0;
    for (int p = 0; p < PARTITIONS; p++) {
        const struct slot *slot = &lane->slots[p];
        bool renew = slot->held && now_ms - slot->written_ms >= runtime.settings.lease_ms / 3;
        if (!look->claimed[p] && !look->released[p] && !renew) continue;
        struct buf seqs = {0};
        look->written[p] = true;
        look->next[p] = slot_next(slot, &backlog, p);
        position_write(look->next[p].done, &seqs);
        struct position_row *row = ARENA_NEW(look->arena, struct position_row);
        *row = (struct position_row){
            .partition = p,
            .n = look->next[p].n,
            .seqs = arena_text(look->arena, buf_text(&seqs)),
            .owner = text_of(look->released[p] ? "" : lane->owner),
            .lease_ms = given_int(look->released[p] ? 0 : runtime.settings.lease_ms)};
        buf_finish(&seqs);
        rows[n++] = row;
    }
    return n;
}

static void written(void *ctx, const struct pg_trip *trip)
{
    struct look *look = ctx;
    struct lane *lane = look->lane;
    bool changed = false;
    if (trip->outcome != PG_OK) {
        give_up(look, trip);
        return;
    }
    for (int p = 0; p < PARTITIONS; p++) {
        if (look->written[p]) slot_move(&lane->slots[p], &look->next[p], loop_now_ms());
        if (look->claimed[p]) lane->slots[p].held = true;
        if (look->released[p]) lane->slots[p].held = false;
        changed = changed || look->claimed[p] || look->released[p];
    }
    if (changed) lane_let_go(lane);
    if (look->lost_jobs) {
        lane->lost_jobs = false;
        alarm_look_at_all(lane);
    }
    lane->backend = pg_backend(lane->pg);
    finish(look);
    if (changed) {
        fail_at("leased");
        int held = 0;
        for (int p = 0; p < PARTITIONS; p++) held += lane->slots[p].held;
        log_info("leases", "lane=%d held=%d", lane->number, held);
        lane->next_alarm = 1; /* look at once */
        alarm_look_at_all(lane);
        if (!runtime.draining) letters_look(lane);
        reader_restart(lane);
    }
    if (!lane->ready) lane->ready = true;
    lane_wake(lane);
}

/* The same instance, perhaps an earlier life of it. */
static bool is_mine(text owner)
{
    size_t len = (size_t)(strrchr(runtime.owner, '#') - runtime.owner) + 1;
    const char *mark = owner.len == 0 ? NULL : memrchr(owner.at, '#', owner.len);
    return mark != NULL && (size_t)(mark - owner.at) + 1 == len &&
           memcmp(owner.at, runtime.owner, len) == 0;
}

/* The former owner may have a transaction under way: it was killed, and PostgreSQL goes on with
   what it had sent; or it is frozen between two statements of one trip, and PostgreSQL waits for
   the rest without a limit. It cannot commit any more, but it holds locks, and two owners of one
   partition lock its rows in different orders. So its session is ended first (`pid`: that one), if
   it is as old as the lease; of a replica that is not seen any more all sessions are, of one that
   is alive the other lanes are left in peace. */
static void end_sessions(struct lane *lane, text owner, int pid, time_us expired)
{
#define THEIRS                                                                                     \
    " FROM pg_stat_activity AS a WHERE usename = current_user AND datname = current_database()"    \
    " AND pid <> pg_backend_pid() AND ($5 = ''::bytea OR"                                          \
    " backend_start < to_timestamp(convert_from($5, 'UTF8')::numeric / 1000000))"                  \
    " AND split_part(application_name, '/', 1) ="                                                  \
    " split_part(convert_from($1, 'UTF8'), '/', 1)"                                                \
    " AND ($2 = ''::bytea OR pid = convert_from($2, 'UTF8')::integer)"                             \
    " AND (application_name = convert_from($1, 'UTF8') OR NOT EXISTS (SELECT FROM member"          \
    " WHERE instance = convert_from($3, 'UTF8') AND NOT clean"                                     \
    " AND seen_at > clock_timestamp() - convert_from($4, 'UTF8')::bigint * interval '1 ms'))"
    static const struct pg_statement tell = {"end_sessions",
                                             "SELECT pg_terminate_backend(pid)" THEIRS};
    static const struct pg_statement wait = {"ended_sessions",
                                             "SELECT pg_terminate_backend(pid, 200)" THEIRS};
    char name[SESSION_NAME], one[16] = "", span[24], until[24] = "";
    const char *mark = memrchr(owner.at, '#', owner.len);
    if (mark == NULL) return;
    size_t before = (size_t)(mark - owner.at);
    bool earlier_life = is_mine(owner) && pid == 0;
    runtime_session_name(name, (text){mark + 1, owner.len - before - 1});
    if (pid != 0) snprintf(one, sizeof(one), "%d", pid);
    if (expired != 0) snprintf(until, sizeof(until), "%" PRId64, expired);
    snprintf(span, sizeof(span), "%" PRId64, runtime.settings.lease_ms);
    struct pg_param params[] = {{name, (int)strlen(name)},
                                {one, (int)strlen(one)},
                                {owner.at, earlier_life ? 0 : (int)before},
                                {span, (int)strlen(span)},
                                {until, (int)strlen(until)}};
    pg_add(lane->pg, &tell, params, COUNT(params));
    pg_add(lane->pg, &wait, params, COUNT(params)); /* by now most have gone */
}

/* The lane's own connection was lost: the same for what it had sent on that. */
static void end_own_session(struct look *look)
{
    struct lane *lane = look->lane;
    bool lost = lane->backend != 0 && lane->backend != pg_backend(lane->pg);
    if (look->claims && lost) end_sessions(lane, text_of(lane->owner), lane->backend, 0);
}

static void write_positions(struct look *look)
{
    struct lane *lane = look->lane;
    const struct position_row *rows[PARTITIONS];
    const void *locks[PARTITIONS];
    size_t orphans = 0, n = plan_rows(look, rows);
    look->lost_jobs = lane->lost_jobs && lane->jobs == 0 && lane->results.n == 0;
    for (int p = 0; p < PARTITIONS && (look->orphans || look->lost_jobs); p++) {
        if (!look->claimed[p] && !(look->lost_jobs && lane->slots[p].held)) continue;
        struct partition_lock_row *row = ARENA_NEW(look->arena, struct partition_lock_row);
        row->partition = p;
        locks[orphans++] = row;
    }
    for (size_t i = 0; i < look->before_n; i++)
        end_sessions(lane, look->before[i]->owner, 0, look->before[i]->expires_at);
    end_own_session(look);
    if (orphans > 0) sql_add_rows(lane->pg, runtime_own_sql(&sql_alarm_orphans), locks, orphans);
    if (n > 0)
        sql_add_rows(lane->pg, runtime_own_sql(&sql_position_put), (const void *const *)rows, n);
    pg_add_text(lane->pg, "SELECT 1");
    pg_run(lane->pg, written, look);
}

static const struct position_row *last_of(const struct look *look, int partition)
{
    for (size_t i = 0; i < look->last.n; i++)
        if (LIST(look->last, struct position_row)[i].partition == partition)
            return &LIST(look->last, struct position_row)[i];
    return NULL;
}

/* Of each owner the row that ran out last. */
static void take_over(struct look *look, const struct position_row *last)
{
    look->orphans = true;
    if (last->owner.len == 0) return;
    for (size_t i = 0; i < look->before_n; i++) {
        if (!text_equal(look->before[i]->owner, last->owner)) continue;
        if (last->expires_at > look->before[i]->expires_at) look->before[i] = last;
        return;
    }
    look->before[look->before_n++] = last;
}

/* A process that drains takes back only what a lost connection has cost it: jobs may be under way
   there. */
static bool may_claim(const struct look *look, int partition, const struct position_row *last)
{
    const struct lane *lane = look->lane;
    if (!lane_owns_number(lane, partition) || lane->slots[partition].held) return false;
    if (runtime.draining) return last != NULL && text_is(last->owner, lane->owner);
    return last == NULL || !last->live.is || is_mine(last->owner);
}

static void claim(struct look *look, int partition, const struct position_row *last)
{
    int64_t done[SOURCES_MAX] = {0};
    if (last != NULL) position_read(done, last->seqs);
    slot_begin(&look->lane->slots[partition], last == NULL ? 0 : last->n, done);
    look->claimed[partition] = look->claims = true;
    if (last != NULL && !text_is(last->owner, look->lane->owner)) take_over(look, last);
}

/* Where a job is under way the next holder would do its work again: such partitions are not given
   away for a while. How many are. */
static int give_away(struct look *look, int most)
{
    struct lane *lane = look->lane;
    int n = 0;
    if (lane->give_by_ms == 0) lane->give_by_ms = loop_now_ms() + JOBS_WAIT_MS;
    bool waits = loop_now_ms() < lane->give_by_ms;
    for (int p = PARTITIONS - 1; p >= 0 && n < most; p--) {
        if (!lane->slots[p].held || (waits && lane->slots[p].jobs > 0)) continue;
        look->released[p] = true;
        n++;
    }
    look->puts_off = n < most;
    return n;
}

static void choose(struct look *look)
{
    struct lane *lane = look->lane;
    int held = 0,
        share = fair_share(lane->number, runtime.lanes_n, (int)look->replicas, (int)look->rank);
    for (int p = 0; p < PARTITIONS; p++) held += lane->slots[p].held;
    if (held > share && !runtime.draining)
        held -= give_away(look, held - share);
    else
        lane->give_by_ms = 0;
    for (int p = 0; p < PARTITIONS && (held < share || runtime.draining); p++) {
        const struct position_row *last = last_of(look, p);
        if (!may_claim(look, p, last)) continue;
        claim(look, p, last);
        held++;
    }
}

static void looked(void *ctx, const struct pg_trip *trip)
{
    struct look *look = ctx;
    struct lane *lane = look->lane;
    struct err err;
    if (trip->outcome != PG_OK) {
        give_up(look, trip);
        return;
    }
    look->replicas = pg_int(pg_result(lane->pg, look->members), 0, 0);
    if (look->replicas < 1) look->replicas = 1;
    look->rank = pg_int(pg_result(lane->pg, look->members), 0, 1);
    journal_is_shared(look->replicas > 1);
    int bad = sql_read(runtime_own_sql(&sql_position_last), pg_result(lane->pg, look->positions),
                       look->arena, &look->last, &err);
    assert(bad == 0);
    choose(look);
    int64_t rest = runtime.settings.lease_ms / 3;
    if (look->puts_off && rest > JOBS_LOOK_MS) rest = JOBS_LOOK_MS;
    lane->lease_look_ms = loop_now_ms() + rest;
    write_positions(look);
}

void lease_look(struct lane *lane)
{
    static const struct pg_statement member = {
        "member",
        "WITH me AS (INSERT INTO member AS m (instance, seen_at, clean) VALUES (convert_from($1, "
        "'UTF8'),"
        " clock_timestamp(), false) ON CONFLICT (instance) DO UPDATE SET seen_at = "
        "excluded.seen_at, clean = false)"
        " SELECT 1 + count(*), count(*) FILTER (WHERE instance < convert_from($1, 'UTF8'))"
        " FROM member WHERE instance <> convert_from($1, 'UTF8') AND NOT clean"
        " AND seen_at > clock_timestamp() - convert_from($2, 'UTF8')::bigint * interval '1 ms'"};
    struct arena *arena = arena_create();
    struct look *look = ARENA_NEW(arena, struct look);
    struct sql_key keys[PARTITIONS];
    char span[32];
    size_t n = 0;
    look->lane = lane;
    look->arena = lane->chore_arena = arena;
    lane->chore = true;
    snprintf(span, sizeof(span), "%" PRId64, runtime.settings.lease_ms);
    struct pg_param params[] = {{runtime.settings.instance, (int)strlen(runtime.settings.instance)},
                                {span, (int)strlen(span)}};
    look->members = pg_add(lane->pg, &member, params, COUNT(params));
    for (int p = 0; p < PARTITIONS; p++)
        if (lane_owns_number(lane, p)) keys[n++] = (struct sql_key){.number = p};
    look->positions = sql_add_keys(lane->pg, runtime_own_sql(&sql_position_last), keys, n, NULL);
    pg_run(lane->pg, looked, look);
}

/* --- leaving --- */

static void (*after_leaving)(struct lane *lane); /* the same for all lanes: the process ends */

static void left(void *ctx, const struct pg_trip *trip)
{
    (void)trip; /* if it failed the leases run out by themselves */
    after_leaving(ctx);
}

void lease_release_all(struct lane *lane, void (*then)(struct lane *lane))
{
    struct look look = {.lane = lane, .arena = arena_create()};
    const struct position_row *rows[PARTITIONS];
    after_leaving = then;
    for (int p = 0; p < PARTITIONS; p++) look.released[p] = lane->slots[p].held;
    size_t n = plan_rows(&look, rows);
    if (n > 0)
        sql_add_rows(lane->pg, runtime_own_sql(&sql_position_put), (const void *const *)rows, n);
    pg_add_text(lane->pg, "SELECT 1");
    arena_destroy(look.arena);
    pg_run(lane->pg, left, lane);
}
