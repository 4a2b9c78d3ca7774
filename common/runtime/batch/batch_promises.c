#include "runtime/batch/batch_promises.h"

#ifdef KEFU_FAILPOINTS

#include "runtime/batch/batch_load.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* One statement of a round, asked again. */
struct reread {
    struct reread *next;
    const struct loading *loading; /* with the rows in memory */
    int result;
};

void batch_reread_whole(struct batch *batch)
{
    for (size_t i = 0; i < batch->loadings_n; i++) {
        const struct loading *loading = &batch->loadings[i];
        if (loading->known == NULL || loading->n == 0) continue;
        struct reread *reread = ARENA_NEW(batch->arena, struct reread);
        *reread = (struct reread){
            batch->rereads, loading,
            sql_add_keys(batch->lane->pg, loading->sql, loading->keys, loading->n, NULL)};
        batch->rereads = reread;
    }
}

/* --- comparing --- */

static bool is_same(const struct field *field, const void *a, const void *b)
{
    bool maybe = (field->flags & FIELD_MAYBE) != 0;
    if (maybe && shape_given(field, a) != shape_given(field, b)) return false;
    if (field->type == FIELD_TEXT || field->type == FIELD_BYTES)
        return text_equal(shape_text(field, a), shape_text(field, b));
    size_t size = field->type == FIELD_BOOL ? sizeof(bool) : sizeof(int64_t);
    return memcmp((const char *)a + field->offset, (const char *)b + field->offset, size) == 0;
}

static const struct field *first_difference(const struct shape *shape, const void *a, const void *b)
{
    for (size_t i = 0; i < shape->n; i++)
        if (!is_same(&shape->fields[i], a, b)) return &shape->fields[i];
    return NULL;
}

static const char *row_at(struct list rows, const struct shape *shape, size_t i)
{
    return (const char *)rows.at + i * shape->size;
}

static const void *find_row(struct list rows, const struct shape *shape, const void *like)
{
    for (size_t i = 0; i < rows.n; i++)
        if (sql_compare(shape, row_at(rows, shape, i), like) == 0) return row_at(rows, shape, i);
    return NULL;
}

int batch_compare_rows(const struct sql *sql, struct list memory, struct list loaded,
                       struct err *err)
{
    const struct statement *statement = sql_statement(sql);
    const struct shape *shape = statement->row;
    if (memory.n != loaded.n)
        return err_set(err, "memory has %zu rows, the database %zu", memory.n, loaded.n);
    for (size_t i = 0; i < memory.n; i++) {
        const char *held = row_at(memory, shape, i);
        const void *there = find_row(loaded, shape, held);
        if (there == NULL) return err_set(err, "row %zu in memory is not in the database", i);
        const struct field *field = first_difference(shape, held, there);
        if (field != NULL) return err_set(err, "field %s of row %zu differs", field->name, i);
        if (statement->order[0] != NULL && there != row_at(loaded, shape, i))
            return err_set(err, "row %zu has another place in the statement's order", i);
    }
    return 0;
}

/* --- the end of the trip --- */

/* Loud also where somebody starts the service again: tests look for reports of sanitizers. */
extern void __sanitizer_report_error_summary(const char *summary) __attribute__((weak));

static void NORETURN die_of(const struct loading *loading, const struct sql_key *key,
                            const struct err *why)
{
    const struct statement *statement = sql_statement(loading->sql);
    char number[24], message[600];
    snprintf(number, sizeof(number), "%" PRId64, key->number);
    text word = key->word.at != NULL ? key->word : text_of(number);
    text_format(message, sizeof(message), "a promise of whole rows is broken: %s by %s = %.*s: %s",
                statement->row->name, statement->by, TEXT_ARG(word), why->message);
    if (__sanitizer_report_error_summary != NULL) __sanitizer_report_error_summary(message);
    fatal("common/db/statement.h says what a store promises of `whole`", "%s", message);
}

static void check_reread(struct batch *batch, const struct reread *reread)
{
    const struct loading *loading = reread->loading;
    struct loading again = {
        .sql = loading->sql, .keys = loading->keys, .n = loading->n, .result = reread->result};
    struct err err;
    int bad = batch_read_load(batch, &again, &err);
    assert(bad == 0);
    for (size_t i = 0; i < loading->n; i++) {
        const struct sql_key *key = &loading->keys[i];
        struct list memory = batch_rows_of(loading, key), loaded = batch_rows_of(&again, key);
        if (batch_compare_rows(loading->sql, memory, loaded, &err) < 0) die_of(loading, key, &err);
    }
}

void batch_check_promises(struct batch *batch)
{
    for (const struct reread *reread = batch->rereads; reread != NULL; reread = reread->next)
        check_reread(batch, reread);
    batch->rereads = NULL;
}

#endif
