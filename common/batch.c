#include "journal.h"
#include "lane.h"
#include "log.h"
#include "runtime.msg.h"
#include "runtime_sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * One batch. Trip 1 opens the transaction, claims alarms, looks up kept replies and loads the facts of round 1; each further trip
 * writes the rows of one round and loads the next; the last appends to the journal, moves the positions and commits.
 *
 * A round holds at most one message for each key and each locked row. A plan that writes a row which another plan of its round
 * writes too is thrown away and decided again in the next round.
 */

enum { CONFLICTS = 4096 };

struct conflict {
    uint64_t hash;
    int round;
};

/* The keys that one statement is asked for in a round, and what came back. */
struct loading {
    struct sql *sql;
    struct sql_key *keys;
    size_t n, room;
    int result;
    struct list rows; /* sorted by key */
};

struct batch {
    struct lane *lane;
    struct arena *arena;
    struct message *all[BATCH_MOST];
    size_t n;
    int round;
    struct loading *loadings; /* of the round, in the store's order */
    size_t loadings_n;
    struct conflict *conflicts; /* the lane's scratch */
    uint64_t *written;          /* rows written in this round; the lane's scratch */
    struct slot before[PARTITIONS]; /* to go back to if the transaction fails */
    bool moved;                 /* the slots hold what the commit would make true */
    int opening, replies, claims, suspects;
    time_us now;
    int64_t policy_version;
    const void *policy;
    struct plan_host host;
    bool committing;
    bool touched[PARTITIONS];
    size_t events; /* to be appended */
};

static void opened(void *ctx, const struct pg_trip *trip);
static void advanced(void *ctx, const struct pg_trip *trip);
static void committed(void *ctx, const struct pg_trip *trip);

/* --- rounds --- */

/* The round of the last message with this hash so far; remembers `round` if it is larger. */
static int note_conflict(struct batch *batch, uint64_t hash, int round)
{
    size_t at = hash % CONFLICTS;
    hash |= 1;
    while (batch->conflicts[at].hash != 0 && batch->conflicts[at].hash != hash) at = (at + 1) % CONFLICTS;
    int before = batch->conflicts[at].hash == 0 ? 0 : batch->conflicts[at].round;
    batch->conflicts[at].hash = hash;
    if (round > before) batch->conflicts[at].round = round;
    return before;
}

static uint64_t key_hash(const void *tag, const struct sql_key *key)
{
    uint64_t hash = key->word.at != NULL ? text_hash(key->word) : (uint64_t)key->number * UINT64_C(0x9E3779B97F4A7C15);
    return (hash ^ (uint64_t)(uintptr_t)tag) * UINT64_C(0xff51afd7ed558ccd);
}

/* The values that a load looks up for a message. At most `most`; returns how many. */
static size_t load_keys(const struct batch *batch, const struct message *m, const struct load *load, struct sql_key *keys,
                        size_t most)
{
    (void)batch;
    struct sql *sql = runtime_sql(load->query);
    bool numbers = sql_keys_are_numbers(sql);
    if (load->with == NULL) return 0;
    if (load->with[0] == '\0') {
        keys[0] = (struct sql_key){.word = m->header.key};
        if (numbers && !text_to_int(m->header.key, &keys[0].number)) return 0;
        if (numbers) keys[0].word = (text){0};
        return 1;
    }
    const struct field *field = shape_field(m->handler->hears, text_of(load->with));
    assert(field != NULL);
    if (field->flags & FIELD_LIST) {
        struct list list;
        memcpy(&list, (const char *)m->decoded + field->offset, sizeof(list));
        size_t n = list.n < most ? list.n : most;
        for (size_t i = 0; i < n; i++) {
            if (numbers) keys[i] = (struct sql_key){.number = LIST(list, int64_t)[i]};
            else keys[i] = (struct sql_key){.word = LIST(list, text)[i]};
        }
        return n;
    }
    if (numbers) {
        keys[0] = (struct sql_key){.number = shape_int(field, m->decoded)};
        return keys[0].number != 0;
    }
    keys[0] = (struct sql_key){.word = shape_text(field, m->decoded)};
    return keys[0].word.at != NULL;
}

enum { KEYS_MOST = 64 };

/* The hashes that keep a message apart from others: its key, and the rows it locks. */
static size_t conflict_hashes(const struct batch *batch, const struct message *m, uint64_t *hashes)
{
    struct sql_key keys[KEYS_MOST];
    size_t n = 0;
    hashes[n++] = text_hash(m->header.key);
    for (int i = 0; i < HANDLER_LOADS && m->handler->loads[i].query != NULL; i++) {
        const struct load *load = &m->handler->loads[i];
        if (load->query->kind != QUERY_LOCK) continue;
        size_t count = load_keys(batch, m, load, keys, KEYS_MOST / 2);
        for (size_t k = 0; k < count && n < KEYS_MOST; k++) hashes[n++] = key_hash(load->query->row, &keys[k]);
        if (load->with == NULL) hashes[n++] = (uint64_t)(uintptr_t)load->query->row;
    }
    return n;
}

/* Give every undecided message a round after `base`. */
static void assign_rounds(struct batch *batch, int base)
{
    uint64_t hashes[KEYS_MOST + HANDLER_LOADS];
    memset(batch->conflicts, 0, sizeof(*batch->conflicts) * CONFLICTS);
    for (size_t i = 0; i < batch->n; i++) {
        struct message *m = batch->all[i];
        if (m->fate != FATE_OPEN || m->handler == NULL || m->handler->kind == ON_JOB) continue;
        size_t n = conflict_hashes(batch, m, hashes);
        int last = base;
        for (size_t k = 0; k < n; k++) {
            int before = note_conflict(batch, hashes[k], 0);
            if (before > last) last = before;
        }
        m->round = last + 1;
        for (size_t k = 0; k < n; k++) note_conflict(batch, hashes[k], m->round);
    }
}

static bool in_round(const struct batch *batch, const struct message *m)
{
    return m->fate == FATE_OPEN && m->handler != NULL && m->handler->kind != ON_JOB && m->round == batch->round;
}

/* --- loading --- */

static void add_key(struct batch *batch, struct loading *loading, struct sql_key key)
{
    if (loading->n == loading->room) {
        size_t room = loading->room == 0 ? 64 : loading->room * 2;
        struct sql_key *keys = ARENA_ARRAY(batch->arena, struct sql_key, room);
        if (loading->n > 0) memcpy(keys, loading->keys, sizeof(*keys) * loading->n);
        loading->keys = keys;
        loading->room = room;
    }
    loading->keys[loading->n++] = key;
}

static int order_keys(const void *a, const void *b, void *sql)
{
    return sql_key_compare(sql, a, b);
}

static void sort_keys(struct loading *loading)
{
    size_t kept = 0;
    if (loading->n < 2) return;
    qsort_r(loading->keys, loading->n, sizeof(*loading->keys), order_keys, loading->sql);
    for (size_t i = 1; i < loading->n; i++)
        if (order_keys(&loading->keys[kept], &loading->keys[i], loading->sql) != 0) loading->keys[++kept] = loading->keys[i];
    loading->n = kept + 1;
}

static struct loading *loading_of(struct batch *batch, const struct query *query)
{
    for (size_t i = 0; i < batch->loadings_n; i++)
        if (sql_query(batch->loadings[i].sql) == query) return &batch->loadings[i];
    return NULL;
}

/* Which statements the round needs, with which keys: LOCKs first, then READs, each in the store's order. */
static void plan_loads(struct batch *batch)
{
    const struct service *service = runtime.service;
    batch->loadings = ARENA_ARRAY(batch->arena, struct loading, service->store_n);
    batch->loadings_n = 0;
    bool *wanted = ARENA_ARRAY(batch->arena, bool, service->store_n);
    for (size_t i = 0; i < batch->n; i++) {
        if (!in_round(batch, batch->all[i])) continue;
        for (int k = 0; k < HANDLER_LOADS && batch->all[i]->handler->loads[k].query != NULL; k++)
            for (size_t s = 0; s < service->store_n; s++)
                if (service->store[s] == batch->all[i]->handler->loads[k].query) wanted[s] = true;
    }
    for (int kind = QUERY_LOCK; kind <= QUERY_READ; kind++)
        for (size_t s = 0; s < service->store_n; s++)
            if (wanted[s] && (int)service->store[s]->kind == kind)
                batch->loadings[batch->loadings_n++].sql = runtime.store[s];
    for (size_t i = 0; i < batch->n; i++) {
        const struct message *m = batch->all[i];
        if (!in_round(batch, m)) continue;
        for (int k = 0; k < HANDLER_LOADS && m->handler->loads[k].query != NULL; k++) {
            struct sql_key keys[KEYS_MOST];
            size_t n = load_keys(batch, m, &m->handler->loads[k], keys, KEYS_MOST);
            for (size_t j = 0; j < n; j++) add_key(batch, loading_of(batch, m->handler->loads[k].query), keys[j]);
        }
    }
}

static void add_loads(struct batch *batch)
{
    plan_loads(batch);
    for (size_t i = 0; i < batch->loadings_n; i++) {
        struct loading *loading = &batch->loadings[i];
        sort_keys(loading);
        loading->result = sql_add_keys(batch->lane->pg, loading->sql, loading->keys, loading->n, NULL);
    }
}

struct sorting {
    struct sql *sql;
    const char *rows;
    size_t size;
};

static int order_rows(const void *a, const void *b, void *ctx)
{
    const struct sorting *sorting = ctx;
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    struct sql_key one = sql_key_of(sorting->sql, sorting->rows + left * sorting->size);
    struct sql_key two = sql_key_of(sorting->sql, sorting->rows + right * sorting->size);
    int order = sql_key_compare(sorting->sql, &one, &two);
    return order != 0 ? order : (left > right) - (left < right);
}

/* Sort the rows by key, keeping the statement's order within a key. */
static void sort_rows(struct batch *batch, struct loading *loading)
{
    const struct query *query = sql_query(loading->sql);
    size_t n = loading->rows.n, size = query->row->size;
    if (query->by == NULL || n < 2) return;
    size_t *order = ARENA_ARRAY(batch->arena, size_t, n);
    char *sorted = arena_alloc(batch->arena, n * size);
    struct sorting sorting = {loading->sql, loading->rows.at, size};
    for (size_t i = 0; i < n; i++) order[i] = i;
    qsort_r(order, n, sizeof(*order), order_rows, &sorting);
    for (size_t i = 0; i < n; i++) memcpy(sorted + i * size, sorting.rows + order[i] * size, size);
    loading->rows.at = sorted;
}

static int read_loads(struct batch *batch, struct err *err)
{
    for (size_t i = 0; i < batch->loadings_n; i++) {
        struct loading *loading = &batch->loadings[i];
        const PGresult *result = pg_result(batch->lane->pg, loading->result);
        if (sql_read(loading->sql, result, batch->arena, &loading->rows, err) < 0) return -1;
        sort_rows(batch, loading);
    }
    return 0;
}

/* The rows with this key: a part of the sorted rows. */
static struct list rows_of(const struct loading *loading, const struct sql_key *key)
{
    size_t size = sql_query(loading->sql)->row->size, low = 0, high = loading->rows.n;
    const char *rows = loading->rows.at;
    while (low < high) {
        size_t middle = (low + high) / 2;
        struct sql_key there = sql_key_of(loading->sql, rows + middle * size);
        if (sql_key_compare(loading->sql, &there, key) < 0) low = middle + 1;
        else high = middle;
    }
    size_t end = low;
    for (; end < loading->rows.n; end++) {
        struct sql_key there = sql_key_of(loading->sql, rows + end * size);
        if (sql_key_compare(loading->sql, &there, key) != 0) break;
    }
    return (struct list){rows + low * size, end - low};
}

static struct list slice(struct batch *batch, const struct message *m, const struct load *load)
{
    struct sql_key keys[KEYS_MOST];
    const struct loading *loading = loading_of(batch, load->query);
    size_t size = load->query->row->size, total = 0;
    if (load->with == NULL) return loading->rows;
    size_t n = load_keys(batch, m, load, keys, KEYS_MOST);
    if (n == 0) return (struct list){0};
    if (n == 1) return rows_of(loading, &keys[0]);
    for (size_t i = 0; i < n; i++) total += rows_of(loading, &keys[i]).n;
    char *all = arena_alloc(batch->arena, total * size);
    struct list out = {all, 0};
    for (size_t i = 0; i < n; i++) {
        struct list rows = rows_of(loading, &keys[i]);
        if (rows.n > 0) memcpy(all + out.n * size, rows.at, rows.n * size);
        out.n += rows.n;
    }
    return out;
}

static void fill_facts(struct batch *batch, struct message *m)
{
    m->facts.n = 0;
    for (int k = 0; k < HANDLER_LOADS && m->handler->loads[k].query != NULL; k++)
        m->facts.slices[m->facts.n++] =
            (struct fact_slice){m->handler->loads[k].query, slice(batch, m, &m->handler->loads[k])};
}

/* --- deciding --- */

static void start_plan(struct batch *batch, struct message *m)
{
    m->inside = (struct plan_inside){.host = &batch->host, .partition = m->partition};
    m->inside.answer_shape = m->handler->hears->answer;
    m->plan = (struct plan){.now = batch->now,
                            .header = &m->header,
                            .principal = m->principal,
                            .principal_role = m->role,
                            .from = m->handler->from,
                            .due = m->due,
                            .attempt = m->attempt,
                            .policy = batch->policy,
                            .policy_version = batch->policy_version,
                            .arena = batch->arena};
    plan_start(&m->plan, &m->inside);
}

static uint64_t row_hash(const struct plan_row *row)
{
    uint64_t hash = (uint64_t)(uintptr_t)row->query;
    const struct shape *shape = row->query->row;
    for (int i = 0; i < SHAPE_KEYS && shape->key[i] != NULL; i++) {
        const struct field *field = shape_field(shape, text_of(shape->key[i]));
        struct sql_key key = {0};
        if (field->type == FIELD_TEXT || field->type == FIELD_BYTES) key.word = shape_text(field, row->row);
        else key.number = shape_int(field, row->row);
        hash = key_hash((const void *)(uintptr_t)hash, &key);
    }
    return hash | 1;
}

enum { WRITTEN = 16384 };

static bool note_written(struct batch *batch, uint64_t hash, bool add)
{
    size_t at = hash % WRITTEN, looked = 0;
    while (batch->written[at] != 0 && batch->written[at] != hash && looked++ < WRITTEN) at = (at + 1) % WRITTEN;
    bool there = batch->written[at] == hash;
    if (add && looked < WRITTEN) batch->written[at] = hash;
    return there;
}

/* Would this plan write a row that another plan of the round writes? If not, remember its rows. */
static bool collides(struct batch *batch, const struct message *m)
{
    for (const struct plan_row *row = m->inside.rows; row != NULL; row = row->next)
        if (row->query->row->key[0] != NULL && note_written(batch, row_hash(row), false)) return true;
    for (const struct plan_row *row = m->inside.rows; row != NULL; row = row->next)
        if (row->query->row->key[0] != NULL) note_written(batch, row_hash(row), true);
    return false;
}

static void settle(struct batch *batch, struct message *m)
{
    if (m->inside.verdict == PLAN_GOOD) {
        m->fate = FATE_DONE;
    } else if (m->origin == ORIGIN_COMMAND) {
        m->fate = m->inside.verdict == PLAN_REFUSED ? FATE_REFUSED : FATE_RETRY;
    } else {
        m->fate = FATE_DEAD;
        m->why = m->inside.refusal;
        if (!m->handler->coalesce) lane_park(batch->lane, m->header.key);
    }
}

static void decide(struct batch *batch, struct message *m)
{
    if (m->origin == ORIGIN_EVENT && lane_is_parked(batch->lane, m->header.key)) {
        m->fate = FATE_PARKED;
        return;
    }
    if (m->origin == ORIGIN_COMMAND && lane_is_parked(batch->lane, m->header.key)) {
        err_set(&m->inside.refusal, "parked: an earlier message of %.*s is set aside", TEXT_ARG(m->header.key));
        m->fate = FATE_RETRY;
        return;
    }
    fill_facts(batch, m);
    start_plan(batch, m);
    m->handler->decide(&m->plan, m->decoded, &m->facts);
    if (m->inside.verdict == PLAN_GOOD && collides(batch, m)) return; /* stays open: again in a later round */
    settle(batch, m);
}

/* Decide everything of the round. True if messages are left for later rounds. */
static bool decide_round(struct batch *batch)
{
    bool again = false, left = false;
    memset(batch->written, 0, sizeof(*batch->written) * WRITTEN);
    for (size_t i = 0; i < batch->n; i++) {
        struct message *m = batch->all[i];
        if (!in_round(batch, m)) continue;
        decide(batch, m);
        again = again || m->fate == FATE_OPEN;
    }
    if (again) assign_rounds(batch, batch->round);
    for (size_t i = 0; i < batch->n; i++) {
        const struct message *m = batch->all[i];
        left = left || (m->fate == FATE_OPEN && m->handler != NULL && m->handler->kind != ON_JOB);
    }
    return left;
}

/* --- writing --- */

struct rows {
    const void **at;
    size_t n, room;
};

static void collect(struct batch *batch, struct rows *rows, const void *row)
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

static void merge_sort(const void **at, const void **spare, size_t n, const struct shape *shape)
{
    if (n < 2) return;
    size_t half = n / 2, a = 0, b = half;
    merge_sort(at, spare, half, shape);
    merge_sort(at + half, spare, n - half, shape);
    for (size_t i = 0; i < n; i++) {
        bool left = a < half && (b == n || sql_compare(shape, at[a], at[b]) <= 0);
        spare[i] = left ? at[a++] : at[b++];
    }
    memcpy(at, spare, sizeof(void *) * n);
}

/* Sort by key; of rows with equal keys the last stays (or, for counters, their sum). */
static void sort_written(struct batch *batch, struct rows *rows, const struct query *query)
{
    size_t kept = 0;
    if (rows->n < 2 || query->row->key[0] == NULL) return;
    merge_sort(rows->at, (const void **)arena_alloc(batch->arena, sizeof(void *) * rows->n), rows->n, query->row);
    for (size_t i = 1; i < rows->n; i++) {
        if (sql_compare(query->row, rows->at[kept], rows->at[i]) != 0) {
            rows->at[++kept] = rows->at[i];
        } else if (query->kind == QUERY_ADD) {
            void *sum = arena_copy(batch->arena, rows->at[kept], query->row->size);
            sql_sum(query->row, sum, rows->at[i]);
            rows->at[kept] = sum;
        } else {
            rows->at[kept] = rows->at[i];
        }
    }
    rows->n = kept + 1;
}

static void send_rows(struct batch *batch, struct sql *sql, struct rows *rows)
{
    if (rows->n == 0) return;
    sort_written(batch, rows, sql_query(sql));
    sql_add_rows(batch->lane->pg, sql, rows->at, rows->n);
}

static void add_writes(struct batch *batch)
{
    const struct service *service = runtime.service;
    for (size_t s = 0; s < service->store_n; s++) {
        struct rows rows = {0};
        if (service->store[s]->kind != QUERY_WRITE) continue;
        for (size_t i = 0; i < batch->n; i++) {
            const struct message *m = batch->all[i];
            if (m->fate != FATE_DONE || m->round != batch->round) continue;
            for (const struct plan_row *row = m->inside.rows; row != NULL; row = row->next)
                if (row->query == service->store[s]) collect(batch, &rows, row->row);
        }
        send_rows(batch, runtime.store[s], &rows);
    }
}

static void add_counters(struct batch *batch)
{
    const struct service *service = runtime.service;
    for (size_t s = 0; s < service->store_n; s++) {
        struct rows rows = {0};
        if (service->store[s]->kind != QUERY_ADD) continue;
        for (size_t i = 0; i < batch->n; i++) {
            const struct message *m = batch->all[i];
            if (m->fate != FATE_DONE) continue;
            for (const struct plan_row *row = m->inside.adds; row != NULL; row = row->next)
                if (row->query == service->store[s]) collect(batch, &rows, row->row);
        }
        send_rows(batch, runtime.store[s], &rows);
    }
}

static text cause_of(struct batch *batch, const struct message *m)
{
    if (m->origin == ORIGIN_EVENT && m->source >= 0)
        return arena_printf(batch->arena, "%s/%d/%lld", runtime.sources[m->source].name, m->partition, (long long)m->seq);
    if (m->origin == ORIGIN_COMMAND) return arena_printf(batch->arena, "command/%.*s", TEXT_ARG(m->header.id));
    if (m->origin == ORIGIN_ALARM) return arena_printf(batch->arena, "alarm/%s/%.*s", m->handler->hears->name, TEXT_ARG(m->header.key));
    return m->header.cause;
}

static void add_alarms(struct batch *batch)
{
    struct rows sets = {0}, drops = {0};
    for (size_t i = 0; i < batch->n; i++) {
        const struct message *m = batch->all[i];
        if (m->fate != FATE_DONE) continue;
        for (const struct plan_alarm *alarm = m->inside.alarms; alarm != NULL; alarm = alarm->next) {
            struct alarm_row *row = ARENA_NEW(batch->arena, struct alarm_row);
            *row = (struct alarm_row){.partition = alarm->partition, .name = text_of(alarm->name), .key = alarm->key,
                                      .due_at = alarm->due, .attempt = alarm->attempt, .running = alarm->cancel,
                                      .cause = cause_of(batch, m), .body = alarm->body};
            if (alarm->cancel) row->due_at = 0;
            collect(batch, &sets, row);
        }
    }
    sort_written(batch, &sets, &sql_alarm_set); /* the last word on each alarm counts */
    struct rows kept = {0};
    for (size_t i = 0; i < sets.n; i++) {
        const struct alarm_row *row = sets.at[i];
        collect(batch, row->due_at == 0 ? &drops : &kept, row);
        if (row->due_at != 0 && (batch->lane->next_alarm == 0 || row->due_at < batch->lane->next_alarm) &&
            lane_owns_number(batch->lane, (int)row->partition))
            batch->lane->next_alarm = row->due_at;
    }
    send_rows(batch, runtime_own_sql(&sql_alarm_drop), &drops);
    send_rows(batch, runtime_own_sql(&sql_alarm_set), &kept);
}

static void add_replies(struct batch *batch)
{
    struct rows rows = {0};
    for (size_t i = 0; i < batch->n; i++) {
        const struct message *m = batch->all[i];
        if (m->origin != ORIGIN_COMMAND || m->fate != FATE_DONE) continue;
        struct kept_reply_row *row = ARENA_NEW(batch->arena, struct kept_reply_row);
        *row = (struct kept_reply_row){.principal = m->principal, .id = m->header.id, .hash = m->hash,
                                  .body = m->inside.answered ? m->inside.answer : TEXT("")};
        collect(batch, &rows, row);
    }
    send_rows(batch, runtime_own_sql(&sql_reply_put), &rows);
}

static void add_dead(struct batch *batch)
{
    struct rows rows = {0}, tried = {0};
    for (size_t i = 0; i < batch->n; i++) {
        const struct message *m = batch->all[i];
        if (m->origin == ORIGIN_DEAD && (m->fate == FATE_DONE || m->fate == FATE_DEAD)) {
            struct dead_row *row = ARENA_NEW(batch->arena, struct dead_row);
            *row = (struct dead_row){.dead = m->dead, .partition = m->partition, .key = m->header.key};
            if (m->fate == FATE_DONE) collect(batch, &tried, row);
            continue;
        }
        if (m->fate != FATE_DEAD && m->fate != FATE_PARKED) continue;
        struct dead_row *row = ARENA_NEW(batch->arena, struct dead_row);
        bool parked = m->fate == FATE_PARKED;
        *row = (struct dead_row){.partition = m->partition, .key = m->header.key, .seq = m->seq,
                                 .state = parked ? TEXT("parked") : TEXT("dead"),
                                 .source = m->source >= 0 ? text_of(runtime.sources[m->source].name) : TEXT("alarm"),
                                 .type = m->header.type, .version = m->header.version, .at = m->header.time,
                                 .cause = m->header.cause, .body = m->body,
                                 .reason = parked ? TEXT("behind an earlier message of this key")
                                                  : arena_text(batch->arena, text_of(m->why.message))};
        collect(batch, &rows, row);
        if (!parked)
            log_warn("set_aside", "type=%s key=%s reason=%s", log_text(m->header.type), log_text(m->header.key),
                     log_quoted(m->why.message));
    }
    if (rows.n > 0) sql_add_rows(batch->lane->pg, runtime_own_sql(&sql_dead_put), rows.at, rows.n);
    send_rows(batch, runtime_own_sql(&sql_dead_drop), &tried);
}

static void add_suspects_cleared(struct batch *batch)
{
    struct rows rows = {0};
    if (!runtime.careful || batch->n != 1) return;
    struct suspect_row *row = ARENA_NEW(batch->arena, struct suspect_row);
    row->identity = message_identity(batch->all[0], batch->arena);
    collect(batch, &rows, row);
    send_rows(batch, runtime_own_sql(&sql_suspect_drop), &rows);
}

static void add_journal(struct batch *batch)
{
    struct rows locks = {0}, rows = {0};
    for (int p = 0; p < PARTITIONS; p++) {
        bool locked = false;
        for (size_t i = 0; i < batch->n; i++) {
            const struct message *m = batch->all[i];
            if (m->fate != FATE_DONE) continue;
            for (const struct plan_event *event = m->inside.events; event != NULL; event = event->next) {
                if (event->partition != p) continue;
                struct journal_row *row = ARENA_NEW(batch->arena, struct journal_row);
                *row = (struct journal_row){.partition = p, .at = m->plan.now, .type = text_of(event->shape->name),
                                            .version = event->shape->version, .key = event->key,
                                            .cause = cause_of(batch, m), .trace = m->header.trace, .body = event->body};
                collect(batch, &rows, row);
                if (locked) continue;
                struct partition_lock_row *lock = ARENA_NEW(batch->arena, struct partition_lock_row);
                lock->partition = p;
                collect(batch, &locks, lock);
                locked = true;
            }
        }
    }
    batch->events = rows.n;
    if (rows.n == 0) return;
    sql_add_rows(batch->lane->pg, runtime_own_sql(&sql_journal_lock), locks.at, locks.n);
    sql_add_rows(batch->lane->pg, runtime_own_sql(&sql_journal_put), rows.at, rows.n);
}

static void add_positions(struct batch *batch)
{
    struct rows rows = {0};
    struct lane *lane = batch->lane;
    memcpy(batch->before, lane->slots, sizeof(batch->before));
    batch->moved = true;
    for (size_t i = 0; i < batch->n; i++) {
        const struct message *m = batch->all[i];
        batch->touched[m->partition] = true;
        if (m->origin == ORIGIN_EVENT) slot_handled(&lane->slots[m->partition], m->source, m->seq);
    }
    for (int p = 0; p < PARTITIONS; p++) {
        if (!batch->touched[p]) continue;
        struct buf seqs = {0};
        struct position_row *row = ARENA_NEW(batch->arena, struct position_row);
        lease_write_seqs(&lane->slots[p], &seqs);
        *row = (struct position_row){.partition = p, .n = ++lane->slots[p].n, .owner = text_of(runtime.owner),
                                     .seqs = arena_text(batch->arena, buf_text(&seqs)), .lease_ms = runtime.settings.lease_ms};
        buf_finish(&seqs);
        collect(batch, &rows, row);
    }
    send_rows(batch, runtime_own_sql(&sql_position_put), &rows);
}

/* --- the trips --- */

static bool ran_out_of_ids(const struct batch *batch)
{
    for (size_t i = 0; i < batch->n; i++)
        if (batch->all[i]->inside.out_of_ids) return true;
    return false;
}

static void rolled_back(void *ctx, const struct pg_trip *trip);

static void roll_back(struct batch *batch)
{
    pg_add_text(batch->lane->pg, "ROLLBACK");
    pg_run(batch->lane->pg, rolled_back, batch);
}

static void step(struct batch *batch)
{
    bool more = decide_round(batch);
    if (ran_out_of_ids(batch)) {
        roll_back(batch);
        return;
    }
    add_writes(batch);
    batch->round++;
    if (more) {
        add_loads(batch);
        pg_run(batch->lane->pg, advanced, batch);
        return;
    }
    add_counters(batch);
    add_alarms(batch);
    add_replies(batch);
    add_dead(batch);
    add_suspects_cleared(batch);
    add_journal(batch);
    add_positions(batch);
    pg_add_text(batch->lane->pg, "COMMIT");
    batch->committing = true;
    pg_run(batch->lane->pg, committed, batch);
}

static void read_opening(struct batch *batch)
{
    const PGresult *result = pg_result(batch->lane->pg, batch->opening);
    batch->now = pg_int(result, 0, 0);
    batch->policy_version = pg_int(result, 0, 1);
    runtime_heard_time(batch->now);
}

static bool is_job(const struct message *m)
{
    return m->handler != NULL && m->handler->kind == ON_JOB;
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
    for (size_t i = 0; i < batch->n; i++) {
        struct message *m = batch->all[i];
        if (m->origin != ORIGIN_ALARM && m->origin != ORIGIN_RESULT) continue;
        bool found = false;
        for (size_t k = 0; k < rows.n && !found; k++) {
            const struct alarm_row *row = &LIST(rows, struct alarm_row)[k];
            found = row->partition == m->partition && text_equal(row->key, m->header.key) &&
                    text_equal(row->name, m->origin == ORIGIN_RESULT ? job_name(m->job) : m->header.type);
            if (found && is_job(m)) m->attempt = row->attempt;
        }
        if (!found) m->fate = FATE_GONE;
    }
}

static void read_replies(struct batch *batch)
{
    struct list rows = {0};
    struct err err;
    if (batch->replies < 0) return;
    int bad = sql_read(runtime_own_sql(&sql_reply_find), pg_result(batch->lane->pg, batch->replies), batch->arena, &rows, &err);
    assert(bad == 0);
    for (size_t i = 0; i < batch->n && rows.n > 0; i++) {
        struct message *m = batch->all[i];
        if (m->origin != ORIGIN_COMMAND) continue;
        for (size_t k = 0; k < rows.n; k++) {
            const struct kept_reply_row *row = &LIST(rows, struct kept_reply_row)[k];
            if (!text_equal(row->id, m->header.id) || !text_equal(row->principal, m->principal)) continue;
            m->fate = row->hash == m->hash ? FATE_REPEATED : FATE_REFUSED;
            m->kept = row->body;
            if (m->fate == FATE_REFUSED)
                err_field(&m->inside.refusal, "id", NULL, "id %.*s was used for another command", TEXT_ARG(m->header.id));
        }
    }
}

static void open_trip_failed(struct batch *batch, const struct pg_trip *trip);

/* With the policy known, decide round 1. */
static void go_on(void *ctx, bool known)
{
    struct batch *batch = ctx;
    if (!known) {
        roll_back(batch);
        return;
    }
    batch->policy = policy_known(batch->policy_version);
    step(batch);
}

static void opened(void *ctx, const struct pg_trip *trip)
{
    struct batch *batch = ctx;
    struct err err;
    if (trip->outcome != PG_OK) {
        open_trip_failed(batch, trip);
        return;
    }
    read_opening(batch);
    read_claims(batch);
    read_replies(batch);
    if (read_loads(batch, &err) < 0) {
        log_error("store_mismatch", "reason=%s", log_quoted(err.message));
        roll_back(batch);
        return;
    }
    if (batch->policy_version == 0 || policy_known(batch->policy_version) != NULL) go_on(batch, true);
    else policy_need(batch->policy_version, go_on, batch);
}

static void advanced(void *ctx, const struct pg_trip *trip)
{
    struct batch *batch = ctx;
    struct err err;
    if (trip->outcome != PG_OK) {
        open_trip_failed(batch, trip);
        return;
    }
    if (read_loads(batch, &err) < 0) {
        log_error("store_mismatch", "reason=%s", log_quoted(err.message));
        roll_back(batch);
        return;
    }
    step(batch);
}

/* --- the end --- */

static void answer(struct message *m)
{
    struct buf frame = {0}, body = {0};
    struct header header = {.id = m->header.id, .type = m->header.type, .version = 1, .trace = m->header.trace};
    enum verb verb = VERB_ANSWER;
    if (m->handler->hears->answer != NULL) header.type = text_of(m->handler->hears->answer->name);
    if (m->fate == FATE_REFUSED || m->fate == FATE_RETRY) {
        const struct err *err = &m->inside.refusal;
        struct refusal refusal = {text_of(err->message), text_of(err->field[0] ? err->field : NULL),
                                  text_of(err->rule[0] ? err->rule : NULL)};
        pack_write(&body, &refusal_shape, &refusal);
        header.type = TEXT("refusal");
        verb = m->fate == FATE_REFUSED ? VERB_REFUSED : VERB_RETRY;
    } else {
        text bytes = m->fate == FATE_REPEATED ? m->kept : m->inside.answer;
        if (bytes.len == 0) bytes = TEXT("\x80");
        buf_add_text(&body, bytes);
    }
    pack_envelope(&frame, verb, &header, buf_text(&body));
    bus_reply(m->request, buf_text(&frame));
    m->request = NULL;
    buf_finish(&frame);
    buf_finish(&body);
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
        struct message *m = batch->all[i];
        if (again) queue_add(&left, m);
        else message_destroy(m);
    }
    lane->batch = NULL;
    batch_destroy(batch);
    lane_batch_done(lane, trip, &left, trip->outcome == PG_FENCED);
}

static void forget_decisions(struct batch *batch)
{
    if (batch->moved) slots_restore(batch->lane, batch->before);
    batch->moved = false;
    for (size_t i = 0; i < batch->n; i++) {
        struct message *m = batch->all[i];
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
        world.outcome = PG_WORLD;
        snprintf(world.message, sizeof(world.message), "rolled back to try again");
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
    struct pg_trip first = failure->trip;
    struct batch *batch = failure->batch;
    if (trip->lost) first.lost = true;
    free(failure);
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
    struct failure *failure = mem_alloc(sizeof(*failure));
    *failure = (struct failure){batch, *trip};
    pg_add_text(batch->lane->pg, "ROLLBACK");
    pg_run(batch->lane->pg, cleaned_up, failure);
}

static void committed(void *ctx, const struct pg_trip *trip)
{
    struct batch *batch = ctx;
    struct lane *lane = batch->lane;
    if (trip->outcome != PG_OK) {
        open_trip_failed(batch, trip);
        return;
    }
    int64_t now_ms = loop_now_ms();
    for (int p = 0; p < PARTITIONS; p++)
        if (batch->touched[p]) lane->slots[p].written_ms = now_ms;
    for (size_t i = 0; i < batch->n; i++) {
        struct message *m = batch->all[i];
        if (m->origin == ORIGIN_COMMAND) answer(m);
        if (m->origin == ORIGIN_EVENT) runtime.sources[m->source].handled++;
        if (m->origin == ORIGIN_RESULT) job_destroy(m->job);
        if (is_job(m) && m->fate != FATE_GONE) {
            alarm_start_job(lane, m);
            batch->all[i] = batch->all[--batch->n];
            i--;
        }
    }
    lane->batches++;
    lane->messages += (int64_t)batch->n;
    if (batch->events > 0) journal_poke();
    finish(batch, trip, false);
}

/* --- the beginning --- */

static void set_aside(struct batch *batch, struct message *m)
{
    m->fate = FATE_DEAD;
    if (m->handler == NULL || !m->handler->coalesce) lane_park(batch->lane, m->header.key);
}

static void decode(struct batch *batch, struct message *m)
{
    if (m->fate != FATE_OPEN) return;
    if (m->failures >= ATTEMPTS_MOST && m->origin != ORIGIN_COMMAND) {
        set_aside(batch, m);
        return;
    }
    if (m->handler == NULL) return;
    m->decoded = pack_read(m->body, m->handler->hears, batch->arena, &m->why);
    if (m->decoded == NULL) set_aside(batch, m);
}

/* Of level-triggered events with the same key only the last one is decided. */
static void coalesce(struct batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        struct message *m = batch->all[i];
        if (m->fate != FATE_OPEN || m->handler == NULL || !m->handler->coalesce) continue;
        for (size_t k = i + 1; k < batch->n; k++)
            if (batch->all[k]->handler == m->handler && text_equal(batch->all[k]->header.key, m->header.key)) {
                m->fate = FATE_GONE;
                break;
            }
    }
}

static void add_opening(struct batch *batch)
{
    struct rows claims = {0}, replies = {0};
    struct pg *pg = batch->lane->pg;
    pg_add_text(pg, "BEGIN");
    batch->opening = pg_add(pg, &statement_opening, NULL, 0);
    for (size_t i = 0; i < batch->n; i++) {
        const struct message *m = batch->all[i];
        if (m->origin == ORIGIN_ALARM || m->origin == ORIGIN_RESULT) {
            struct alarm_row *row = ARENA_NEW(batch->arena, struct alarm_row);
            *row = (struct alarm_row){.partition = m->partition, .key = m->header.key, .due_at = m->due, .running = is_job(m),
                                      .name = m->origin == ORIGIN_RESULT ? job_name(m->job) : m->header.type,
                                      .attempt = m->origin == ORIGIN_RESULT};
            collect(batch, &claims, row);
        } else if (m->origin == ORIGIN_COMMAND) {
            struct kept_reply_row *row = ARENA_NEW(batch->arena, struct kept_reply_row);
            *row = (struct kept_reply_row){.principal = m->principal, .id = m->header.id};
            collect(batch, &replies, row);
        }
    }
    batch->claims = claims.n == 0 ? -1 : sql_add_rows(pg, runtime_own_sql(&sql_alarm_claim), claims.at, claims.n);
    batch->replies = replies.n == 0 ? -1 : sql_add_rows(pg, runtime_own_sql(&sql_reply_find), replies.at, replies.n);
}

static void begin(struct batch *batch)
{
    add_opening(batch);
    assign_rounds(batch, 0);
    batch->round = 1;
    add_loads(batch);
    pg_run(batch->lane->pg, opened, batch);
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
    int64_t times = pg_int(pg_result(batch->lane->pg, batch->suspects), 0, 1);
    struct message *m = batch->all[0];
    if (times > ATTEMPTS_MOST) {
        err_set(&m->why, "the process died %lld times while handling it", (long long)times - 1);
        err_set(&m->inside.refusal, "%s", m->why.message);
        m->fate = m->origin == ORIGIN_COMMAND ? FATE_REFUSED : FATE_DEAD;
        if (m->fate == FATE_DEAD) lane_park(batch->lane, m->header.key);
    }
    begin(batch);
}

static void begin_carefully(struct batch *batch)
{
    struct suspect_row row = {.identity = message_identity(batch->all[0], batch->arena)};
    const void *rows[] = {&row};
    batch->suspects = sql_add_rows(batch->lane->pg, runtime_own_sql(&sql_suspect_put), rows, 1);
    pg_run(batch->lane->pg, suspected, batch);
}

void batch_run(struct lane *lane, struct queue *take_messages)
{
    struct batch *batch = mem_alloc(sizeof(*batch));
    batch->lane = lane;
    batch->arena = arena_create();
    if (lane->scratch == NULL)
        lane->scratch = mem_alloc(sizeof(struct conflict) * CONFLICTS + sizeof(uint64_t) * WRITTEN);
    batch->conflicts = lane->scratch;
    batch->written = (uint64_t *)(batch->conflicts + CONFLICTS);
    batch->host = (struct plan_host){ids_new, runtime_policy_of, NULL};
    for (struct message *m; (m = queue_take(take_messages)) != NULL;) {
        assert(batch->n < BATCH_MOST);
        batch->all[batch->n++] = m;
        decode(batch, m);
    }
    coalesce(batch);
    lane->batch = batch;
    if (runtime.careful && batch->n == 1) begin_carefully(batch);
    else begin(batch);
}
