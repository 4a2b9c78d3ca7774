#include "runtime/journal/journal.h"

#include "base/log.h"
#include "runtime/core/tables.h"
#include "db/pg_queue.h"

#include <stdlib.h>
#include <string.h>

enum {
    RING_EVENTS = 24576,
    RING_BYTES = 10 * 1024 * 1024,
    PAGE = 2048,
    PER_PARTITION = 512,
    FRAME_BYTES = 4 * 1024 * 1024
};

/* An event in memory: in its partition's ring and in the list of all, both oldest first. */
struct held {
    struct held *next_of_all;
    struct journal_event event;
    size_t bytes;
};

struct ring {
    struct held **at; /* `n` of them from `first` on, round and round */
    size_t first, n, room;
    int64_t floor; /* what is at or below is not in memory */
    int64_t head;
};

/* A reader that waits. */
struct waiting {
    struct waiting *next;
    struct journal_ask ask;
    int64_t until_ms;
    int64_t not_before; /* the tail read it insists on (fresh), by number */
    bool backfill;      /* under way from the database */
    struct pg *pg;      /* of the backfill */
};

static struct {
    struct workline *line;
    bool stopped;
    struct ring rings[PARTITIONS];
    struct held *first_of_all, **end_of_all;
    size_t events, bytes;
    struct waiting *waiting;
    time_us as_of;
    int64_t reads; /* finished */
    bool reading, again;
    bool poked;  /* something was appended here that has not been read yet */
    bool known;  /* the heads have been read once */
    bool shared; /* other replicas append as well */
    char id[40];
    struct loop_timer poll;
    struct loop_timer due;
} journal;

static void answer_waiting(void);
static void read_tail(void);

/* --- the ring --- */

static struct held *held_at(const struct ring *ring, size_t i)
{
    return ring->at[(ring->first + i) % ring->room];
}

static void add_to_ring(struct ring *ring, struct held *held)
{
    if (ring->n == ring->room) {
        size_t room = ring->room == 0 ? 64 : ring->room * 2;
        struct held **at = mem_alloc(sizeof(struct held *) * room);
        for (size_t i = 0; i < ring->n; i++) at[i] = held_at(ring, i);
        free(ring->at);
        ring->at = at;
        ring->room = room;
        ring->first = 0;
    }
    ring->at[(ring->first + ring->n++) % ring->room] = held;
}

static void drop_oldest(void)
{
    struct held *held = journal.first_of_all;
    struct ring *ring = &journal.rings[held->event.partition];
    assert(held_at(ring, 0) == held);
    journal.first_of_all = held->next_of_all;
    if (journal.first_of_all == NULL) journal.end_of_all = &journal.first_of_all;
    ring->first = (ring->first + 1) % ring->room;
    ring->n--;
    ring->floor = held->event.seq;
    journal.events--;
    journal.bytes -= held->bytes;
    free(held);
}

static text put_text(char **at, text from)
{
    char *to = *at;
    if (from.len > 0) memcpy(to, from.at, from.len);
    to[from.len] = '\0';
    *at += from.len + 1;
    return (text){to, from.len};
}

/* A copy that lives in the ring. */
static struct held *hold(const struct journal_event *event)
{
    size_t bytes = sizeof(struct held) + event->type.len + event->key.len + event->cause.len +
                   event->trace.len + event->body.len + 5;
    struct held *held = mem_alloc(bytes);
    char *at = (char *)(held + 1);
    held->bytes = bytes;
    held->event = *event;
    held->event.type = put_text(&at, event->type);
    held->event.key = put_text(&at, event->key);
    held->event.cause = put_text(&at, event->cause);
    held->event.trace = put_text(&at, event->trace);
    held->event.body = put_text(&at, event->body);
    return held;
}

static struct held *read_held(const PGresult *result, int row)
{
    return hold(&(struct journal_event){.partition = pg_int(result, row, 0),
                                        .seq = pg_int(result, row, 1),
                                        .at = pg_int(result, row, 2),
                                        .type = pg_text(result, row, 3),
                                        .version = pg_int(result, row, 4),
                                        .key = pg_text(result, row, 5),
                                        .cause = pg_text(result, row, 6),
                                        .trace = pg_text(result, row, 7),
                                        .body = pg_text(result, row, 8)});
}

static void keep(struct held *held)
{
    struct ring *ring = &journal.rings[held->event.partition];
    add_to_ring(ring, held);
    *journal.end_of_all = held;
    journal.end_of_all = &held->next_of_all;
    ring->head = held->event.seq;
    journal.events++;
    journal.bytes += held->bytes;
    while (journal.events > RING_EVENTS || journal.bytes > RING_BYTES) drop_oldest();
}

/* --- reading the tail --- */

static void tail_read(void *ctx, const struct pg_trip *trip)
{
    struct pg *pg = ctx;
    bool more = false;
    if (trip->outcome == PG_OK) {
        const PGresult *result = pg_result(pg, 1);
        time_us as_of = pg_int(pg_result(pg, 0), 0, 0);
        int n = PQntuples(result);
        for (int i = 0; i < n; i++)
            if (pg_int(result, i, 1) > journal.rings[pg_int(result, i, 0)].head)
                keep(read_held(result, i));
        more = n >= PER_PARTITION; /* perhaps: then what was read is not all up to as_of */
        if (!more) {
            journal.as_of = as_of;
            journal.known = true;
        }
        runtime_heard_time(as_of);
        journal.reads += !more;
    } else if (!trip->lost) {
        log_warn("tail_failed", "reason=%s", log_quoted(trip->message));
    }
    journal.reading = false;
    if (trip->outcome == PG_OK && !more && !journal.again) journal.poked = false;
    workline_next(journal.line);
    answer_waiting();
    if (more || journal.again) read_tail();
}

static void start_tail(void *ctx, struct pg *pg)
{
    struct tail_row rows[PARTITIONS];
    const void *at[PARTITIONS];
    (void)ctx;
    for (int p = 0; p < PARTITIONS; p++) {
        rows[p] = (struct tail_row){.partition = p, .seq = journal.rings[p].head};
        at[p] = &rows[p];
    }
    journal.again = false;
    pg_add(pg, &statement_opening, NULL, 0);
    sql_add_rows(pg, runtime_own_sql(&sql_journal_tail), at, PARTITIONS);
    pg_run(pg, tail_read, pg);
}

static void read_tail(void)
{
    if (journal.line == NULL) return;
    journal.again = true;
    if (journal.reading) return;
    journal.reading = true;
    workline_add(journal.line, start_tail, NULL);
}

static struct held *make_held(const struct journal_row *row, int64_t seq)
{
    return hold(&(struct journal_event){.partition = row->partition,
                                        .seq = seq,
                                        .at = row->at,
                                        .type = row->type,
                                        .version = row->version,
                                        .key = row->key,
                                        .cause = row->cause,
                                        .trace = row->trace,
                                        .body = row->body});
}

void journal_committed(const void *const *rows, size_t n, const PGresult *heads,
                       const PGresult *seqs)
{
    bool gaps = !journal.known;
    int64_t partition = -1, before = 0;
    for (size_t i = 0, p = 0; i < n && journal.known; i++) {
        const struct journal_row *row = rows[i];
        struct ring *ring = &journal.rings[row->partition];
        int64_t seq = pg_int(seqs, (int)i, 0);
        if (row->partition != partition) before = pg_int(heads, (int)p++, 0);
        partition = row->partition;
        if (before > ring->head)
            gaps = true;
        else if (seq > ring->head) /* else the tail was read in between */
            keep(make_held(row, seq));
        before = seq;
    }
    answer_waiting();
    if (gaps) {
        journal.poked = true;
        read_tail();
    }
}

/* --- serving --- */

/* Is everything behind the positions in memory? */
static bool in_memory(const struct journal_ask *ask)
{
    for (size_t i = 0; i < ask->n; i++)
        if (ask->after[i] < journal.rings[ask->partitions[i]].floor) return false;
    return journal.known;
}

/* The place of the first event behind a position. */
static size_t first_after(const struct ring *ring, int64_t seq)
{
    size_t low = 0, high = ring->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (held_at(ring, middle)->event.seq <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* At least a fair share of each partition; `all` tells if nothing had to stay behind. */
static size_t gather(const struct journal_ask *ask, const struct journal_event **events, bool *all)
{
    size_t n = 0, bytes = 0, share = ask->most / ask->n + 1;
    *all = true;
    for (size_t i = 0; i < ask->n; i++) {
        size_t taken = 0;
        const struct ring *ring = &journal.rings[ask->partitions[i]];
        for (size_t k = first_after(ring, ask->after[i]); k < ring->n; k++) {
            const struct held *held = held_at(ring, k);
            if (n >= PAGE || bytes > FRAME_BYTES || (n >= ask->most && taken >= share)) {
                *all = false;
                break;
            }
            events[n++] = &held->event;
            bytes += held->bytes;
            taken++;
        }
    }
    return n;
}

static void finish(struct waiting *waiting)
{
    for (struct waiting **at = &journal.waiting; *at != NULL; at = &(*at)->next)
        if (*at == waiting) {
            *at = waiting->next;
            break;
        }
    free(waiting);
}

static void answer(struct waiting *waiting, const struct journal_event *const *events, size_t n,
                   time_us as_of)
{
    struct journal_ask ask = waiting->ask;
    finish(waiting);
    ask.fn(ask.ctx, events, n, as_of);
}

static void backfilled(void *ctx, const struct pg_trip *trip)
{
    struct waiting *waiting = ctx;
    struct pg *pg = waiting->pg;
    const struct journal_event *events[PAGE];
    struct held *held[PAGE];
    size_t n = 0;
    waiting->backfill = false;
    bool gone = trip->outcome == PG_OK && waiting->ask.keeps && PQntuples(pg_result(pg, 2)) > 0;
    if (trip->outcome == PG_OK && !gone) {
        const PGresult *result = pg_result(pg, 1);
        for (int i = 0; i < PQntuples(result) && n < PAGE; i++) {
            held[n] = read_held(result, i);
            events[n] = &held[n]->event;
            n++;
        }
    }
    workline_next(journal.line);
    /* Completeness is unknown, so as_of is 0. */
    answer(waiting, events, n, gone ? JOURNAL_GONE : 0);
    for (size_t i = 0; i < n; i++) free(held[i]);
}

static void start_backfill(void *ctx, struct pg *pg)
{
    struct waiting *waiting = ctx;
    struct tail_row rows[PARTITIONS];
    const void *at[PARTITIONS];
    waiting->pg = pg;
    for (size_t i = 0; i < waiting->ask.n; i++) {
        rows[i] = (struct tail_row){.partition = waiting->ask.partitions[i],
                                    .seq = waiting->ask.after[i]};
        at[i] = &rows[i];
    }
    pg_add(pg, &statement_opening, NULL, 0);
    sql_add_rows(pg, runtime_own_sql(&sql_journal_tail), at, waiting->ask.n);
    if (waiting->ask.keeps)
        sql_add_rows(pg, runtime_own_sql(&sql_journal_gone), at, waiting->ask.n);
    pg_run(pg, backfilled, waiting);
}

static void try_answer(struct waiting *waiting)
{
    const struct journal_event *events[PAGE];
    if (waiting->backfill || !journal.known) return;
    if (!in_memory(&waiting->ask)) {
        waiting->backfill = true;
        workline_add(journal.line, start_backfill, waiting);
        return;
    }
    if (journal.reads < waiting->not_before) return;
    bool all;
    size_t n = gather(&waiting->ask, events, &all);
    if (n > 0 || waiting->ask.fresh || loop_now_ms() >= waiting->until_ms)
        answer(waiting, events, n, all ? journal.as_of : 0);
}

static void answer_waiting(void)
{
    for (struct waiting *waiting = journal.waiting, *next; waiting != NULL; waiting = next) {
        next = waiting->next;
        try_answer(waiting);
    }
}

void journal_serve(const struct journal_ask *ask)
{
    if (journal.stopped) { /* an answer of journal_stop() has led to another read */
        ask->fn(ask->ctx, NULL, 0, 0);
        return;
    }
    struct waiting *waiting = mem_alloc(sizeof(*waiting));
    assert(ask->n > 0 && ask->n <= PARTITIONS);
    waiting->ask = *ask;
    waiting->until_ms = loop_now_ms() + ask->wait_ms;
    if (ask->fresh) waiting->not_before = journal.reads + 1 + journal.reading;
    waiting->next = journal.waiting;
    journal.waiting = waiting;
    if (ask->fresh)
        read_tail();
    else
        try_answer(waiting);
}

/* --- life --- */

struct refresh {
    void (*fn)(void *ctx);
    void *ctx;
};

static void refreshed(void *ctx, const struct journal_event *const *events, size_t n, time_us as_of)
{
    struct refresh refresh = *(struct refresh *)ctx;
    (void)events, (void)n, (void)as_of;
    free(ctx);
    refresh.fn(refresh.ctx);
}

void journal_refresh(void (*fn)(void *ctx), void *ctx)
{
    struct refresh *refresh = mem_alloc(sizeof(*refresh));
    *refresh = (struct refresh){fn, ctx};
    struct journal_ask ask = {.partitions = {0},
                              .after = {INT64_MAX},
                              .n = 1,
                              .most = 1,
                              .fresh = true,
                              .fn = refreshed,
                              .ctx = refresh};
    journal_serve(&ask);
}

static void on_poll(void *ctx)
{
    (void)ctx;
    loop_timer_start(&journal.poll, journal.shared ? POLL_SHARED_MS : POLL_MS, 0, on_poll, NULL);
    read_tail();
}

void journal_is_shared(bool shared)
{
    if (shared && !journal.shared && journal.line != NULL)
        loop_timer_start(&journal.poll, POLL_SHARED_MS, 0, on_poll, NULL);
    journal.shared = shared;
}

bool journal_shared(void)
{
    return journal.shared;
}

static void heads_read(void *ctx, const struct pg_trip *trip)
{
    struct pg *pg = ctx;
    workline_next(journal.line);
    if (trip->outcome != PG_OK) {
        journal_start();
        return;
    }
    const PGresult *heads = pg_result(pg, 0), *self = pg_result(pg, 1);
    for (int i = 0; i < PQntuples(heads); i++) {
        struct ring *ring = &journal.rings[pg_int(heads, i, 0)];
        ring->head = ring->floor = pg_int(heads, i, 1);
    }
    if (PQntuples(self) > 0) {
        text id = pg_text(self, 0, 0);
        memcpy(journal.id, id.at, id.len < sizeof(journal.id) ? id.len : sizeof(journal.id) - 1);
    }
    on_poll(NULL);
}

static void start_heads(void *ctx, struct pg *pg)
{
    (void)ctx;
    pg_add_text(pg,
                "SELECT p, coalesce((SELECT seq FROM journal WHERE partition = p ORDER BY seq DESC"
                " LIMIT 1), 0)"
                " FROM generate_series(0, 31) AS p");
    pg_add_text(pg, "SELECT id::text FROM journal_self");
    pg_run(pg, heads_read, pg);
}

void journal_start(void)
{
    if (journal.line == NULL) {
        journal.end_of_all = &journal.first_of_all;
        journal.line = workline_create(runtime.settings.database, runtime_setup());
    }
    workline_add(journal.line, start_heads, NULL);
}

void journal_stop(void)
{
    loop_timer_stop(&journal.poll);
    workline_destroy(journal.line);
    journal.line = NULL;
    journal.stopped = true;
    while (journal.first_of_all != NULL) drop_oldest();
    while (journal.waiting != NULL) answer(journal.waiting, NULL, 0, 0);
}

const char *journal_id(void)
{
    return journal.id;
}

int64_t journal_head(int partition)
{
    return journal.rings[partition].head;
}

bool journal_busy(void)
{
    return journal.poked || !journal.known;
}
