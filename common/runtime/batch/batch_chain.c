#include "runtime/batch/batch_chain.h"

#include "runtime/batch/batch_load.h"

#include <string.h>

/*
 * Two messages of one key that come in one batch would need two rounds, and the second would read
 * what the first has just written. Where the store says that rows are whole (statement.h) it need
 * not: it is decided in the first one's round, on the rows in memory.
 */

/* --- what was written --- */

static struct known *known_of(struct batch *batch, struct loading *loading, int place)
{
    if (loading->known[place] == NULL) {
        struct list rows = batch_rows_of(loading, &loading->keys[place]);
        struct known *known = ARENA_NEW(batch->arena, struct known);
        size_t size = sql_statement(loading->sql)->row->size;
        known->room = rows.n + 4;
        char *copy = arena_alloc(batch->arena, known->room * size);
        if (rows.n > 0) memcpy(copy, rows.at, rows.n * size);
        known->rows = (struct list){copy, rows.n};
        loading->known[place] = known;
    }
    return loading->known[place];
}

static void make_room(struct batch *batch, struct known *known, size_t size)
{
    if (known->rows.n < known->room) return;
    known->room *= 2;
    char *larger = arena_alloc(batch->arena, known->room * size);
    known->rows.at = memcpy(larger, known->rows.at, known->rows.n * size);
}

/* In the place of the row with its key, or where the order wants it. */
static void put_row(struct batch *batch, const struct sql *sql, struct known *known,
                    const void *row)
{
    const struct shape *shape = sql_statement(sql)->row;
    size_t size = shape->size, at = 0;
    make_room(batch, known, size);
    char *rows = (char *)(uintptr_t)known->rows.at;
    while (at < known->rows.n && sql_compare(shape, rows + at * size, row) != 0) at++;
    if (at < known->rows.n) {
        known->rows.n--;
        memmove(rows + at * size, rows + (at + 1) * size, (known->rows.n - at) * size);
    }
    at = known->rows.n++;
    for (; at > 0 && sql_order(sql, rows + (at - 1) * size, row) > 0; at--)
        memcpy(rows + at * size, rows + (at - 1) * size, size);
    memcpy(rows + at * size, row, size);
}

/* True if a plan of the round has written the row before; its row is this one from now on. */
static bool replaces(struct known *known, const struct plan_row *row)
{
    for (struct latest *latest = known->latest; latest != NULL; latest = latest->next) {
        if (sql_compare(row->statement->row, latest->row->row, row->row) != 0) continue;
        latest->row->row = row->row;
        return true;
    }
    return false;
}

static void add_latest(struct batch *batch, struct known *known, struct plan_row *row)
{
    struct latest *latest = ARENA_NEW(batch->arena, struct latest);
    *latest = (struct latest){known->latest, row};
    known->latest = latest;
}

/* True if the row need not be written: it is part of one that is. What belongs to a key that nobody
   of the round loads, nobody of it sees. */
static bool note_row(struct batch *batch, struct plan_row *row)
{
    bool replaced = false;
    for (size_t i = 0; i < batch->loadings_n; i++) {
        struct loading *loading = &batch->loadings[i];
        if (loading->known == NULL || sql_statement(loading->sql)->whole != row->statement->row)
            continue;
        struct sql_key key = sql_written_key(loading->sql, row->row);
        int place = batch_find_key(loading, &key);
        if (place < 0) continue;
        struct known *known = known_of(batch, loading, place);
        const void *seen = sql_written_row(loading->sql, row->row, batch->arena);
        if (seen != NULL) put_row(batch, loading->sql, known, seen);
        if (replaces(known, row))
            replaced = true;
        else
            add_latest(batch, known, row);
    }
    return replaced;
}

void batch_note_written(struct batch *batch, struct work *m)
{
    for (struct plan_row **at = &m->inside.rows; *at != NULL;) {
        if (note_row(batch, *at))
            *at = (*at)->next;
        else
            at = &(*at)->next;
    }
}

/* --- who may follow --- */

static bool is_loaded(struct batch *batch, const struct work *m, const struct load *load)
{
    const struct loading *loading = batch_loading_of(batch, load->statement);
    size_t n;
    if (loading == NULL || load->with == NULL) return loading != NULL;
    const struct sql_key *keys = batch_load_keys(batch, m, load, &n);
    return n == 0 || (n == 1 && batch_find_key(loading, keys) >= 0);
}

bool batch_knows(struct batch *batch, const struct work *m)
{
    if (!batch_may_follow(m)) return false;
    for (int i = 0; i < HANDLER_LOADS && m->handler->loads[i].statement != NULL; i++)
        if (!is_loaded(batch, m, &m->handler->loads[i])) return false;
    return true;
}

bool batch_has_loaded(struct batch *batch, const struct work *m, const struct plan_row *row)
{
    for (int i = 0; i < HANDLER_LOADS && m->handler->loads[i].statement != NULL; i++) {
        const struct load *load = &m->handler->loads[i];
        size_t n;
        if (load->statement->whole != row->statement->row) continue;
        struct sql *sql = runtime_sql(load->statement);
        struct sql_key key = sql_written_key(sql, row->row);
        const struct sql_key *keys = batch_load_keys(batch, m, load, &n);
        if (n == 1 && sql_key_compare(sql, keys, &key) == 0) return true;
    }
    return false;
}
