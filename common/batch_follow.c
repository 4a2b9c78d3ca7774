#include "batch_inside.h"

#include <string.h>

/*
 * Two messages of one key that come in one batch would need two rounds, and the second would read what the first has just written. Where
 * the store says that rows are whole (query.h) it need not: it is decided in the first one's round, on the row in memory.
 */

/* The place of a key among those that were asked for, or -1. */
static int find_key(const struct loading *loading, const struct sql_key *key)
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

/* The value by which the load finds a row that was written. */
static struct sql_key key_of(const struct query *query, const void *row)
{
    const struct field *field = shape_field(query->whole, text_of(query->by));
    if (field->type == FIELD_TEXT) return (struct sql_key){.word = shape_text(field, row)};
    return (struct sql_key){.number = shape_int(field, row)};
}

/* --- what was written --- */

static void note(struct batch *batch, struct loading *loading, struct plan_row *row)
{
    struct sql_key key = key_of(sql_query(loading->sql), row->row);
    int place = find_key(loading, &key);
    if (place < 0) return;
    struct written **at = &loading->written[place];
    for (; *at != NULL; at = &(*at)->next) {
        if ((*at)->row == row || sql_compare(row->query->row, (*at)->row->row, row->row) != 0)
            continue;
        row->query = (*at)->row->query; /* one statement writes it, once */
        (*at)->row = row;
        return;
    }
    *at = ARENA_NEW(batch->arena, struct written);
    (*at)->row = row;
}

void batch_note_written(struct batch *batch, const struct message *m)
{
    for (struct plan_row *row = m->inside.rows; row != NULL; row = row->next)
        for (size_t i = 0; i < batch->loadings_n; i++) {
            struct loading *loading = &batch->loadings[i];
            const struct query *query = sql_query(loading->sql);
            if (loading->written != NULL && query->by != NULL && query->whole == row->query->row)
                note(batch, loading, row);
        }
}

/* --- what the next one sees --- */

static void copy_field(const struct field *to, void *row, const struct field *from,
                       const void *given)
{
    if (to->type == FIELD_TEXT || to->type == FIELD_BYTES)
        *(text *)((char *)row + to->offset) = shape_text(from, given);
    else
        memcpy((char *)row + to->offset, (const char *)given + from->offset,
               to->type == FIELD_BOOL ? sizeof(bool) : sizeof(int64_t));
}

static bool is_missing(const struct field *field, const void *row)
{
    if (field->flags & FIELD_OPTIONAL) return false;
    return (field->type == FIELD_TEXT || field->type == FIELD_BYTES) &&
           shape_text(field, row).at == NULL;
}

/* The written row as the load gives it. NULL: it does not, for want of a field. */
static const void *as_loaded(struct batch *batch, const struct query *query, const void *given)
{
    if (query->whole == query->row) return given;
    void *row = arena_alloc(batch->arena, query->row->size);
    for (size_t i = 0; i < query->row->n; i++) {
        const struct field *field = &query->row->fields[i];
        copy_field(field, row, shape_field(query->whole, text_of(field->name)), given);
        if (is_missing(field, row)) return NULL;
    }
    return row;
}

static int compare_order(const struct query *query, const void *a, const void *b)
{
    for (size_t i = 0; i < COUNT(query->order) && query->order[i] != NULL; i++) {
        const struct field *field = shape_field(query->row, text_of(query->order[i]));
        int order = sql_compare_field(field, a, b);
        if (order != 0) return order;
    }
    return 0;
}

/* Put the row into the list: in the place of the one with its key, or where the order wants it. */
static void put_row(const struct query *query, char *rows, size_t *n, const void *row)
{
    size_t size = query->row->size, at = 0;
    while (at < *n && sql_compare(query->row, rows + at * size, row) != 0) at++;
    if (at < *n) {
        (*n)--;
        memmove(rows + at * size, rows + (at + 1) * size, (*n - at) * size);
    }
    at = *n;
    while (at > 0 && compare_order(query, rows + (at - 1) * size, row) > 0) at--;
    memmove(rows + (at + 1) * size, rows + at * size, (*n - at) * size);
    memcpy(rows + at * size, row, size);
    (*n)++;
}

struct list batch_with_written(struct batch *batch, const struct loading *loading,
                               const struct sql_key *key, struct list rows)
{
    const struct query *query = sql_query(loading->sql);
    int place = loading->written == NULL ? -1 : find_key(loading, key);
    size_t room = rows.n, n = rows.n;
    if (place < 0 || loading->written[place] == NULL) return rows;
    for (const struct written *w = loading->written[place]; w != NULL; w = w->next) room++;
    char *all = arena_alloc(batch->arena, room * query->row->size);
    if (n > 0) memcpy(all, rows.at, n * query->row->size);
    for (const struct written *w = loading->written[place]; w != NULL; w = w->next) {
        const void *row = as_loaded(batch, query, w->row->row);
        if (row != NULL) put_row(query, all, &n, row);
    }
    return (struct list){all, n};
}

/* --- who may follow --- */

static bool has_key(struct batch *batch, const struct message *m, const struct load *load)
{
    const struct loading *loading = batch_loading_of(batch, load->query);
    size_t n;
    if (load->query->whole == NULL || loading == NULL) return false;
    if (load->with == NULL) return true;
    const struct sql_key *keys = batch_load_keys(batch, m, load, &n);
    return n == 0 || (n == 1 && find_key(loading, keys) >= 0);
}

/* Without a lock nothing says which rows are the message's own. */
bool batch_may_follow(const struct message *m)
{
    bool locks = false;
    for (int i = 0; i < HANDLER_LOADS && m->handler->loads[i].query != NULL; i++) {
        const struct query *query = m->handler->loads[i].query;
        if (query->whole == NULL) return false;
        locks = locks || query->kind == QUERY_LOCK;
    }
    return locks;
}

bool batch_knows(struct batch *batch, const struct message *m)
{
    if (!batch_may_follow(m)) return false;
    for (int i = 0; i < HANDLER_LOADS && m->handler->loads[i].query != NULL; i++)
        if (!has_key(batch, m, &m->handler->loads[i])) return false;
    return true;
}

bool batch_has_loaded(struct batch *batch, const struct message *m, const struct plan_row *row)
{
    for (int i = 0; i < HANDLER_LOADS && m->handler->loads[i].query != NULL; i++) {
        const struct load *load = &m->handler->loads[i];
        size_t n;
        if (load->with == NULL || load->query->whole != row->query->row) continue;
        const struct sql_key *keys = batch_load_keys(batch, m, load, &n);
        struct sql_key key = key_of(load->query, row->row);
        if (n == 1 && sql_key_compare(batch_loading_of(batch, load->query)->sql, keys, &key) == 0)
            return true;
    }
    return false;
}
