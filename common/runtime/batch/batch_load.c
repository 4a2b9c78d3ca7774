#include "runtime/batch/batch_load.h"

#include <stdlib.h>
#include <string.h>

/* --- rounds --- */

/* The round of the last message with this hash so far; remembers `round` if it is larger. */
static int note_conflict(struct batch *batch, uint64_t hash, int round)
{
    size_t room = batch->conflicts_room, at = hash % room, probes = 0;
    hash |= 1;
    while (batch->conflicts[at].hash != 0 && batch->conflicts[at].hash != hash &&
           probes++ < PROBES_MAX)
        at = (at + 1) % room;
    int before = batch->conflicts[at].hash == 0 ? 0 : batch->conflicts[at].round;
    if (batch->conflicts[at].hash == 0) batch->conflicts[at].hash = hash;
    if (round > before) batch->conflicts[at].round = round;
    return before;
}

uint64_t batch_key_hash(const void *tag, const struct sql_key *key)
{
    uint64_t hash = key->word.at != NULL ? text_hash(key->word)
                                         : (uint64_t)key->number * UINT64_C(0x9E3779B97F4A7C15);
    return (hash ^ (uint64_t)(uintptr_t)tag) * UINT64_C(0xff51afd7ed558ccd);
}

/* The values that a load looks up for a message. At most `most`; returns how many. */
static size_t load_keys(const struct work *m, const struct load *load, struct sql_key *keys,
                        size_t most)
{
    struct sql *sql = runtime_sql(load->statement);
    bool numbers = sql_keys_are_numbers(sql);
    if (load->with == NULL) return 0;
    if (load->with[0] == '\0') {
        keys[0] = (struct sql_key){.word = m->header.key};
        if (numbers && !text_to_int(m->header.key, &keys[0].number)) return 0;
        if (numbers) keys[0].word = (text){0};
        return 1;
    }
    if (load->with[0] == '#') {
        keys[0] = (struct sql_key){.number = m->handler->number(m->decoded)};
        return keys[0].number != 0;
    }
    const struct field *field = shape_field(m->handler->hears, text_of(load->with));
    assert(field != NULL);
    if (field->flags & FIELD_LIST) {
        struct list list;
        memcpy(&list, (const char *)m->decoded + field->offset, sizeof(list));
        size_t n = list.n < most ? list.n : most;
        for (size_t i = 0; i < n; i++) {
            if (numbers)
                keys[i] = (struct sql_key){.number = LIST(list, int64_t)[i]};
            else
                keys[i] = (struct sql_key){.word = LIST(list, text)[i]};
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

enum { KEYS_MAX = 64 };

/* The hashes that keep a message apart from others: its key, and the rows it locks (of a long list
   some: what else two plans both write is found when they are decided). */
static size_t conflict_hashes(const struct work *m, uint64_t *hashes)
{
    struct sql_key keys[KEYS_MAX];
    size_t n = 0;
    hashes[n++] = text_hash(m->header.key);
    for (int i = 0; i < HANDLER_LOADS && m->handler->loads[i].statement != NULL; i++) {
        const struct load *load = &m->handler->loads[i];
        if (load->statement->kind != STATEMENT_LOCK) continue;
        size_t count = load_keys(m, load, keys, KEYS_MAX / 2);
        for (size_t k = 0; k < count && n < KEYS_MAX; k++)
            hashes[n++] = batch_key_hash(load->statement->row, &keys[k]);
        if (load->with == NULL) hashes[n++] = (uint64_t)(uintptr_t)load->statement->row;
    }
    return n;
}

void batch_forget_undecided(struct batch *batch)
{
    batch->conflicts_room = batch_part(CONFLICTS, batch->n);
    memset(batch->conflicts, 0, sizeof(*batch->conflicts) * batch->conflicts_room);
}

bool batch_may_go_first(struct batch *batch, const struct work *m)
{
    uint64_t hashes[KEYS_MAX + HANDLER_LOADS];
    size_t n = conflict_hashes(m, hashes);
    for (size_t k = 0; k < n; k++)
        if (note_conflict(batch, hashes[k], 0) > 0) return false;
    return true;
}

void batch_note_undecided(struct batch *batch, const struct work *m)
{
    uint64_t hashes[KEYS_MAX + HANDLER_LOADS];
    size_t n = conflict_hashes(m, hashes);
    for (size_t k = 0; k < n; k++) note_conflict(batch, hashes[k], 1);
}

/* Give every undecided message a round after `base`. */
void batch_assign_rounds(struct batch *batch, int base)
{
    uint64_t hashes[KEYS_MAX + HANDLER_LOADS];
    batch_forget_undecided(batch);
    for (size_t i = 0; i < batch->n; i++) {
        struct work *m = batch->all[i];
        if (m->fate != FATE_OPEN || m->handler == NULL || m->handler->kind == ON_JOB) continue;
        size_t n = conflict_hashes(m, hashes);
        int last = base;
        for (size_t k = 0; k < n; k++) {
            int before = note_conflict(batch, hashes[k], 0);
            if (before > last) last = before;
        }
        m->round = last + 1;
        for (size_t k = 0; k < n; k++) note_conflict(batch, hashes[k], m->round);
    }
}

bool batch_in_round(const struct batch *batch, const struct work *m)
{
    return m->fate == FATE_OPEN && m->handler != NULL && m->handler->kind != ON_JOB &&
           m->round == batch->round;
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
        if (order_keys(&loading->keys[kept], &loading->keys[i], loading->sql) != 0)
            loading->keys[++kept] = loading->keys[i];
    loading->n = kept + 1;
}

struct loading *batch_loading_of(struct batch *batch, const struct statement *statement)
{
    for (size_t i = 0; i < batch->loadings_n; i++)
        if (sql_statement(batch->loadings[i].sql) == statement) return &batch->loadings[i];
    return NULL;
}

/* However many a list has. */
const struct sql_key *batch_load_keys(struct batch *batch, const struct work *m,
                                      const struct load *load, size_t *n)
{
    size_t room = 1;
    if (load->with != NULL && load->with[0] != '\0' && load->with[0] != '#') {
        const struct field *field = shape_field(m->handler->hears, text_of(load->with));
        struct list list = {0};
        if (field != NULL && (field->flags & FIELD_LIST))
            memcpy(&list, (const char *)m->decoded + field->offset, sizeof(list));
        if (list.n > room) room = list.n;
    }
    struct sql_key *keys = ARENA_ARRAY(batch->arena, struct sql_key, room);
    *n = load_keys(m, load, keys, room);
    return keys;
}

/* Without a lock nothing says which rows are the message's own. */
bool batch_may_follow(const struct work *m)
{
    bool locks = false;
    for (int i = 0; i < HANDLER_LOADS && m->handler->loads[i].statement != NULL; i++) {
        const struct statement *statement = m->handler->loads[i].statement;
        if (statement->whole == NULL && !statement->may_be_old) return false;
        locks = locks || statement->kind == STATEMENT_LOCK;
    }
    return locks;
}

/* It will be decided in this round, or may be decided after one of its key. */
static bool loads_now(const struct batch *batch, const struct work *m)
{
    return batch_in_round(batch, m) || (m->fate == FATE_OPEN && m->handler != NULL &&
                                        m->handler->kind != ON_JOB && batch_may_follow(m));
}

/* Which statements the round needs, with which keys: LOCKs first, then READs, each in the store's
   order. */
static void plan_loads(struct batch *batch)
{
    const struct service *service = runtime.service;
    batch->loadings = ARENA_ARRAY(batch->arena, struct loading, service->store_n);
    batch->loadings_n = 0;
    bool *wanted = ARENA_ARRAY(batch->arena, bool, service->store_n);
    for (size_t i = 0; i < batch->n; i++) {
        if (!loads_now(batch, batch->all[i])) continue;
        for (int k = 0; k < HANDLER_LOADS && batch->all[i]->handler->loads[k].statement != NULL;
             k++)
            for (size_t s = 0; s < service->store_n; s++)
                if (service->store[s] == batch->all[i]->handler->loads[k].statement)
                    wanted[s] = true;
    }
    for (int kind = STATEMENT_LOCK; kind <= STATEMENT_READ; kind++)
        for (size_t s = 0; s < service->store_n; s++)
            if (wanted[s] && (int)service->store[s]->kind == kind)
                batch->loadings[batch->loadings_n++].sql = runtime.store[s];
    for (size_t i = 0; i < batch->n; i++) {
        const struct work *m = batch->all[i];
        if (!loads_now(batch, m)) continue;
        for (int k = 0; k < HANDLER_LOADS && m->handler->loads[k].statement != NULL; k++) {
            size_t n;
            const struct sql_key *keys = batch_load_keys(batch, m, &m->handler->loads[k], &n);
            for (size_t j = 0; j < n; j++)
                add_key(batch, batch_loading_of(batch, m->handler->loads[k].statement), keys[j]);
        }
    }
}

void batch_add_loads(struct batch *batch)
{
    plan_loads(batch);
    for (size_t i = 0; i < batch->loadings_n; i++) {
        struct loading *loading = &batch->loadings[i];
        sort_keys(loading);
        if (sql_statement(loading->sql)->whole != NULL)
            loading->known = ARENA_ARRAY(batch->arena, struct known *, loading->n);
        bool nothing = loading->n == 0 && sql_statement(loading->sql)->by != NULL;
        loading->result =
            nothing ? -1
                    : sql_add_keys(batch->lane->pg, loading->sql, loading->keys, loading->n, NULL);
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
    const struct statement *statement = sql_statement(loading->sql);
    size_t n = loading->rows.n, size = statement->row->size;
    if (statement->by == NULL || n < 2) return;
    size_t *order = ARENA_ARRAY(batch->arena, size_t, n);
    char *sorted = arena_alloc(batch->arena, n * size);
    struct sorting sorting = {loading->sql, loading->rows.at, size};
    for (size_t i = 0; i < n; i++) order[i] = i;
    qsort_r(order, n, sizeof(*order), order_rows, &sorting);
    for (size_t i = 0; i < n; i++) memcpy(sorted + i * size, sorting.rows + order[i] * size, size);
    loading->rows.at = sorted;
}

int batch_read_load(struct batch *batch, struct loading *loading, struct err *err)
{
    if (loading->result < 0) return 0;
    const PGresult *result = pg_result(batch->lane->pg, loading->result);
    if (sql_read(loading->sql, result, batch->arena, &loading->rows, err) < 0) return -1;
    sort_rows(batch, loading);
    return 0;
}

int batch_read_loads(struct batch *batch, struct err *err)
{
    for (size_t i = 0; i < batch->loadings_n; i++)
        if (batch_read_load(batch, &batch->loadings[i], err) < 0) return -1;
    return 0;
}

int batch_find_key(const struct loading *loading, const struct sql_key *key)
{
    size_t low = 0, high = loading->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = sql_key_compare(loading->sql, &loading->keys[middle], key);
        if (order == 0) return (int)middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

/* A part of the sorted rows. */
static struct list loaded_rows_of(const struct loading *loading, const struct sql_key *key)
{
    size_t size = sql_statement(loading->sql)->row->size, low = 0, high = loading->rows.n;
    const char *rows = loading->rows.at;
    while (low < high) {
        size_t middle = (low + high) / 2;
        struct sql_key there = sql_key_of(loading->sql, rows + middle * size);
        if (sql_key_compare(loading->sql, &there, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    size_t end = low;
    for (; end < loading->rows.n; end++) {
        struct sql_key there = sql_key_of(loading->sql, rows + end * size);
        if (sql_key_compare(loading->sql, &there, key) != 0) break;
    }
    return (struct list){rows + low * size, end - low};
}

struct list batch_rows_of(const struct loading *loading, const struct sql_key *key)
{
    int place = loading->known == NULL ? -1 : batch_find_key(loading, key);
    bool known = place >= 0 && loading->known[place] != NULL;
    return known ? loading->known[place]->rows : loaded_rows_of(loading, key);
}

static struct list slice(struct batch *batch, const struct work *m, const struct load *load)
{
    const struct loading *loading = batch_loading_of(batch, load->statement);
    size_t size = load->statement->row->size, total = 0, n;
    if (load->with == NULL) return loading->rows;
    const struct sql_key *keys = batch_load_keys(batch, m, load, &n);
    if (n == 0) return (struct list){0};
    if (n == 1) return batch_rows_of(loading, &keys[0]);
    for (size_t i = 0; i < n; i++) total += batch_rows_of(loading, &keys[i]).n;
    char *all = arena_alloc(batch->arena, total * size);
    struct list out = {all, 0};
    for (size_t i = 0; i < n; i++) {
        struct list rows = batch_rows_of(loading, &keys[i]);
        if (rows.n > 0) memcpy(all + out.n * size, rows.at, rows.n * size);
        out.n += rows.n;
    }
    return out;
}

void batch_fill_facts(struct batch *batch, struct work *m)
{
    m->facts.n = 0;
    for (int k = 0; k < HANDLER_LOADS && m->handler->loads[k].statement != NULL; k++)
        m->facts.slices[m->facts.n++] = (struct fact_slice){m->handler->loads[k].statement,
                                                            slice(batch, m, &m->handler->loads[k])};
}
