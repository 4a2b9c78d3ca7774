#include "runtime/batch/batch_rows.h"

#include <string.h>

static void merge_sort(const void **at, const void **spare, size_t n, batch_order_fn *order,
                       const struct shape *shape)
{
    if (n < 2) return;
    size_t half = n / 2, a = 0, b = half;
    merge_sort(at, spare, half, order, shape);
    merge_sort(at + half, spare, n - half, order, shape);
    if (order(shape, at[half - 1], at[half]) <= 0) return;
    for (size_t i = 0; i < n; i++) {
        bool left = a < half && (b == n || order(shape, at[a], at[b]) <= 0);
        spare[i] = left ? at[a++] : at[b++];
    }
    memcpy(at, spare, sizeof(void *) * n);
}

void batch_sort_stably(struct batch *batch, struct rows *rows, batch_order_fn *order,
                       const struct shape *shape)
{
    merge_sort(rows->at, (const void **)arena_alloc(batch->arena, sizeof(void *) * rows->n),
               rows->n, order, shape);
}

void batch_sort_rows(struct batch *batch, struct rows *rows, const struct statement *statement)
{
    size_t kept = 0;
    if (rows->n < 2 || statement->row->key[0] == NULL) return;
    batch_sort_stably(batch, rows, sql_compare, statement->row);
    for (size_t i = 1; i < rows->n; i++) {
        if (sql_compare(statement->row, rows->at[kept], rows->at[i]) != 0) {
            rows->at[++kept] = rows->at[i];
        } else if (statement->kind == STATEMENT_ADD) {
            void *sum = arena_copy(batch->arena, rows->at[kept], statement->row->size);
            sql_sum(statement->row, sum, rows->at[i]);
            rows->at[kept] = sum;
        } else {
            rows->at[kept] = rows->at[i];
        }
    }
    rows->n = kept + 1;
}

void batch_send_rows(struct batch *batch, struct sql *sql, struct rows *rows)
{
    if (rows->n == 0) return;
    batch_sort_rows(batch, rows, sql_statement(sql));
    sql_add_rows(batch->lane->pg, sql, rows->at, rows->n);
}

void batch_add_writes(struct batch *batch)
{
    const struct service *service = runtime.service;
    for (size_t s = 0; s < service->store_n; s++) {
        struct rows rows = {0};
        if (service->store[s]->kind != STATEMENT_WRITE) continue;
        for (size_t i = 0; i < batch->n; i++) {
            const struct work *m = batch->all[i];
            if (m->fate != FATE_DONE || m->round != batch->round) continue;
            for (const struct plan_row *row = m->inside.rows; row != NULL; row = row->next)
                if (row->statement == service->store[s]) batch_collect(batch, &rows, row->row);
        }
        batch_send_rows(batch, runtime.store[s], &rows);
    }
}

void batch_add_counters(struct batch *batch)
{
    const struct service *service = runtime.service;
    for (size_t s = 0; s < service->store_n; s++) {
        struct rows rows = {0};
        if (service->store[s]->kind != STATEMENT_ADD) continue;
        for (size_t i = 0; i < batch->n; i++) {
            const struct work *m = batch->all[i];
            if (m->fate != FATE_DONE) continue;
            for (const struct plan_row *row = m->inside.adds; row != NULL; row = row->next)
                if (row->statement == service->store[s]) batch_collect(batch, &rows, row->row);
        }
        batch_send_rows(batch, runtime.store[s], &rows);
    }
    for (size_t i = 0; i < batch->n; i++)
        if (batch->all[i]->fate == FATE_DONE) batch->all[i]->inside.adds = NULL;
}
