#include "runtime/door/control_dead_letters.h"

#include "base/log.h"
#include "runtime/core/tables.h"
#include "runtime/lane/scheduler.h"

/* --- the list --- */

static void give_dead(void *ctx, const struct pg_trip *trip)
{
    struct control *c = ctx;
    if (trip->outcome != PG_OK) {
        control_failed(c, trip);
        return;
    }
    const PGresult *r = pg_result(c->pg, 0);
    size_t n = (size_t)PQntuples(r);
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
    workline_add(control_work, start_dead, c);
}

/* --- run them again --- */

static struct message *revive(const struct dead_row *row)
{
    struct header header = {.type = row->type,
                            .version = row->version,
                            .key = row->key,
                            .time = row->at,
                            .cause = row->cause};
    struct message *m = message_create(ORIGIN_DEAD, &header, row->body);
    bool alarm = text_is(row->source, "alarm");
    int source = alarm ? -1 : runtime_source(row->source);
    m->handler = alarm        ? runtime_handler(ON_ALARM, NULL, row->type, 0)
                 : source < 0 ? NULL
                              : runtime_handler(ON_EVENT, runtime.sources[source].name, row->type,
                                                row->version);
    m->partition = (int)row->partition;
    m->dead = row->dead;
    m->seq = row->seq;
    m->source = source;
    m->due = alarm ? row->at : 0;
    return m;
}

static void retry_rows(struct control *c)
{
    struct list rows;
    struct err err;
    struct dead_done done = {0};
    int bad = sql_read(runtime_own_sql(&sql_dead_of_key), pg_result(c->pg, c->first), c->arena,
                       &rows, &err);
    assert(bad == 0);
    workline_next(control_work);
    text key = ((const struct dead_retry *)c->body)->key;
    struct lane *lane = runtime.lanes[partition_of(key) % runtime.lanes_n];
    for (size_t i = 0; i < rows.n; i++) {
        queue_add(&lane->single, revive(&LIST(rows, struct dead_row)[i]));
        done.messages++;
    }
    lane_unpark(lane, key);
    control_answer(c, &dead_done_shape, &done);
    lane_wake(lane);
}

static void retry_read(void *ctx, const struct pg_trip *trip)
{
    if (trip->outcome != PG_OK)
        control_failed(ctx, trip);
    else
        retry_rows(ctx);
}

static void start_retry(void *ctx, struct pg *pg)
{
    struct control *c = ctx;
    struct sql_key key = {.word = ((const struct dead_retry *)c->body)->key};
    c->pg = pg;
    c->first = sql_add_keys(pg, runtime_own_sql(&sql_dead_of_key), &key, 1, NULL);
    pg_run(pg, retry_read, c);
}

static void start_discard(void *ctx, struct pg *pg)
{
    struct control *c = ctx;
    const struct dead_discard *m = c->body;
    struct sql_key key = {.word = m->key};
    struct pg_param param = {m->key.at, (int)m->key.len};
    c->pg = pg;
    pg_add(pg, &statement_dead_discard, &param, 1);
    log_warn("dead_discarded", "key=%s by=%s reason=%s", log_text(m->key), log_text(c->actor),
             log_text(m->reason));
    c->first = sql_add_keys(pg, runtime_own_sql(&sql_dead_of_key), &key, 1, NULL);
    pg_run(pg, retry_read, c);
}

/* Only who holds the key's partition may run what was set aside under it. */
static void settle_dead(struct control *c, text key, void (*fn)(void *ctx, struct pg *pg))
{
    int partition = partition_of(key);
    struct err err;
    if (lane_holds(runtime.lanes[partition % runtime.lanes_n], partition)) {
        workline_add(control_work, fn, c);
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
