#include "runtime/door/control_dead_letters.h"

#include "base/log.h"
#include "runtime/core/lane.h"
#include "runtime/core/tables.h"

/* --- the list --- */

static void give_dead(void *ctx, const struct pg_trip *trip)
{
    struct control *c = ctx;
    if (trip->outcome != PG_OK) {
        control_failed(c, trip);
        return;
    }
    const PGresult *r = pg_result(c->pg, 0);
    size_t n = control_page(r, ((const struct dead_list *)c->body)->limit);
    struct dead_line *rows = ARENA_ARRAY(c->arena, struct dead_line, n);
    for (size_t k = 0; k < n; k++) {
        int i = (int)k;
        rows[k] = (struct dead_line){.dead = pg_int(r, i, 0),
                                     .state = arena_text(c->arena, pg_text(r, i, 1)),
                                     .source = arena_text(c->arena, pg_text(r, i, 2)),
                                     .type = arena_text(c->arena, pg_text(r, i, 3)),
                                     .key = arena_text(c->arena, pg_text(r, i, 4)),
                                     .partition = pg_int(r, i, 5),
                                     .seq = pg_int(r, i, 6),
                                     .reason = arena_text(c->arena, pg_text(r, i, 7)),
                                     .at = pg_int(r, i, 8)};
    }
    workline_next(control_work);
    control_answer(c, &dead_page_shape, &(struct dead_page){{rows, n}});
}

static void start_dead(void *ctx, struct pg *pg)
{
    struct control *c = ctx;
    c->pg = pg;
    pg_add(pg, &statement_dead, NULL, 0);
    pg_run(pg, give_dead, c);
}

void control_list_dead(struct control *c)
{
    control_queue(c, start_dead);
}

/* --- run them again, or give them up --- */

static struct lane *lane_of(int partition)
{
    return runtime.lanes[partition % runtime.lanes_n];
}

/* Retried letters are run by the lane that holds the partition by now. */
static void letters_settled(void *ctx, const struct pg_trip *trip)
{
    struct control *c = ctx;
    int partition = partition_of(c->key);
    if (trip->outcome != PG_OK) {
        control_failed(c, trip);
        return;
    }
    struct dead_done done = {.messages = pg_int(pg_result(c->pg, c->first), 0, 0)};
    workline_next(control_work);
    lane_run_letters(lane_of(partition), partition, c->key);
    control_answer(c, &dead_done_shape, &done);
}

static void settle_letters(struct control *c, struct pg *pg, const struct statement *statement,
                           struct maybe_int dead)
{
    const struct dead_row row = {.partition = partition_of(c->key), .key = c->key, .dead = dead};
    const void *rows[] = {&row};
    c->pg = pg;
    sql_add_rows(pg, runtime_own_sql(statement), rows, 1);
    c->first = sql_add_rows(pg, runtime_own_sql(&sql_dead_count), rows, 1);
    pg_run(pg, letters_settled, c);
}

static void start_retry(void *ctx, struct pg *pg)
{
    settle_letters(ctx, pg, &sql_dead_retry, (struct maybe_int){0});
}

static void start_discard(void *ctx, struct pg *pg)
{
    struct control *c = ctx;
    const struct dead_discard *m = c->body;
    log_warn("dead_discarded", "key=%s by=%s reason=%s", log_text(m->key), log_text(c->actor),
             log_text(m->reason));
    settle_letters(c, pg, &sql_dead_discard, m->dead);
}

/* Only who holds the key's partition is asked: it runs what was set aside under it. */
static void settle_dead(struct control *c, text key, void (*fn)(void *ctx, struct pg *pg))
{
    int partition = partition_of(key);
    struct err err;
    c->key = key;
    if (lane_holds(lane_of(partition), partition)) {
        control_queue(c, fn);
        return;
    }
    err_set(&err, "another replica holds partition %d", partition);
    control_refuse(c, VERB_RETRY, &err);
}

void control_retry_dead(struct control *c)
{
    settle_dead(c, ((const struct dead_retry *)c->body)->key, start_retry);
}

void control_discard_dead(struct control *c)
{
    settle_dead(c, ((const struct dead_discard *)c->body)->key, start_discard);
}
