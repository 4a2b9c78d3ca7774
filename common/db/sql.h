/*
 * sql: a struct statement made ready to run. :names become $n, rows travel as PostgreSQL's binary
 * arrays, results become row structs.
 */
#ifndef KEFU_SQL_H
#define KEFU_SQL_H

#include "base/arena.h"
#include "base/err.h"
#include "db/pg.h"
#include "db/statement.h"

struct sql;

/* `message`: the shape whose fields may stand in the text as scalars (ON_QUERY handlers), or NULL.
   A malformed statement is a bug and ends the process at start. Lives as long as the process. */
struct sql *sql_compile(const struct statement *statement, const struct shape *message);
const struct statement *sql_statement(const struct sql *sql);

/* The keys of a LOCK or READ: numbers or texts, by the type of the row's field `by`. */
struct sql_key {
    int64_t number;
    text word;
};
bool sql_keys_are_numbers(const struct sql *sql);

/* Add to the trip; each returns the result's index. */
int sql_add_keys(struct pg *pg, struct sql *sql, const struct sql_key *keys, size_t n,
                 const void *message);
int sql_add_rows(struct pg *pg, struct sql *sql, const void *const *rows, size_t n);

/* The result as an array of row structs in the arena. -1 if the columns do not fit the shape. */
MUST_CHECK int sql_read(struct sql *sql, const PGresult *result, struct arena *arena,
                        struct list *out, struct err *err);

/* Of what is whole (statement.h): the key that a written row belongs to; the row as the load would
   give it, borrowed or in the arena (NULL: it would not, for want of a text); the order of rows
   within a key. */
struct sql_key sql_written_key(const struct sql *sql, const void *written);
const void *sql_written_row(const struct sql *sql, const void *written, struct arena *arena);
int sql_order(const struct sql *sql, const void *a, const void *b);

/* Order by the shape's key fields; by the key of a load. */
int sql_compare(const struct shape *shape, const void *a, const void *b);
int sql_key_compare(const struct sql *sql, const struct sql_key *a, const struct sql_key *b);
/* The value of the row's field `by`. */
struct sql_key sql_key_of(const struct sql *sql, const void *row);
/* Add all int and real fields of `from` that are not key fields to `to`. */
void sql_sum(const struct shape *shape, void *to, const void *from);

#endif
