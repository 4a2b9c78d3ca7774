/*
 * statement: a service's SQL as data. All statements of a service stand in its store.c, one
 * `struct statement` each; the runtime runs them set-based for a whole batch of messages.
 * Parameters are written :name.
 *
 *   const struct statement ticket_lock = {
 *       .kind = STATEMENT_LOCK, .row = &ticket_row_shape, .by = "id",
 *       .sql = "SELECT id, kind, state FROM ticket WHERE id = ANY(:keys) ORDER BY id FOR UPDATE"};
 *   const struct statement ticket_insert = {
 *       .kind = STATEMENT_WRITE, .row = &ticket_row_shape,
 *       .sql = "INSERT INTO ticket (id, kind, state) SELECT id, kind, state FROM :rows"};
 *
 * LOCK and READ take :keys, an array of the values that the messages of the round hold in the field
 * named by the handler's load (bigint[] or text[]); a row belongs to the messages whose value
 * equals the row's column `by`. With by = NULL every message sees all rows (small tables). Rows
 * keep the statement's order. Column names are the row shape's field names; a column the shape
 * lacks, or a shape's required field the result lacks, is an error at the first use. In handlers of
 * kind ON_QUERY (run one by one) any other :field is that field of the message, as a scalar (absent
 * = NULL).
 *
 * WRITE takes :rows, which becomes unnest(...) AS rows(field, ...) over the row shape (optional
 * zero fields are NULL). Within a round the rows of one statement are sorted by the shape's key,
 * and a later row with an equal key replaces the earlier. ADD is a WRITE whose rows are first
 * summed by key over the whole batch (all non-key int and real fields are added); it runs last:
 * INSERT … ON CONFLICT (key) DO UPDATE SET n = t.n + excluded.n. If the table's key is shorter than
 * the shape's, the statement says which of several rows counts (DISTINCT ON) and keeps their order:
 * who writes the same rows at once must lock them in one order. :rows may stand in it twice.
 *
 * Types: bool boolean, int and id bigint, real double precision, text text, bytes bytea, time
 * timestamptz. Never lock and aggregate in one statement; a LOCK has no join.
 *
 * A LOCK or READ may name `whole`: the shape of the rows by which all that it gives is written. The
 * store promises that a plan which writes such a row fills in all its fields; that a column which
 * an UPDATE leaves out, and the column `by`, never changes after the INSERT; that no statement
 * deletes such rows; and that what changes for the reader is written by messages that load it under
 * the same key. Then what messages of a batch have written need not be read again: the next one of
 * their key is decided in the same round on what is in memory, and a row is written once, by the
 * statement of the first. Test builds load such rows again after each round, and die of a difference. If a key can have several rows, `order` names the fields that the
 * statement sorts them by, ascending (texts by bytes). Of a READ that every message sees all of,
 * `may_be_old` says that nobody minds if it is as old as the round.
 */
#ifndef KEFU_STATEMENT_H
#define KEFU_STATEMENT_H

#include "data/shape.h"

enum statement_kind { STATEMENT_LOCK, STATEMENT_READ, STATEMENT_WRITE, STATEMENT_ADD };

struct statement {
    enum statement_kind kind;
    const struct shape *row;
    const char *by;
    const char *sql;
    const struct shape *whole;
    const char *order[2];
    bool may_be_old;
};

#endif
