/*
 * pg: one PostgreSQL connection on the loop, in pipeline mode. Work goes in trips: statements are
 * added, sent together, and their results come back together. Connecting happens off the loop; a
 * lost connection is made again with jittered back-off. The door to libpq.
 */
#ifndef KEFU_PG_H
#define KEFU_PG_H

#include "base/base.h"
#include "db/sqlstate.h"

#include <libpq-fe.h>

struct pg;

/* A statement that is prepared once on each connection. `text` has $1, $2 … The struct must outlive
   the connection. */
struct pg_statement {
    const char *name;
    const char *text;
};

/* A parameter in binary format. bytes = NULL means NULL. */
struct pg_param {
    const char *bytes;
    int len;
};

struct pg_trip {
    enum pg_outcome outcome;
    bool lost;     /* the connection died: whether an open COMMIT took effect is unknown */
    int failed;    /* index of the statement at fault, or -1 */
    char state[6]; /* its SQLSTATE */
    char message[300];
};

/* Waits for the connection, 5 s at most unless the DSN says otherwise: not on the loop. The caller
   asks PQstatus() and ends it with PQfinish(). */
PGconn *pg_connect_now(const char *dsn);

/* `setup` is SQL run on every new connection (may be NULL). on_change is called when the connection
   comes up (up = true) or is lost. */
struct pg *pg_create(const char *dsn, const char *setup, void (*on_change)(void *ctx, bool up),
                     void *ctx);
/* Stops at once; a running trip is never reported. NULL is fine. */
void pg_destroy(struct pg *pg);
bool pg_up(const struct pg *pg);
bool pg_busy(const struct pg *pg); /* a trip is under way */

/* Add to the trip being put together; returns the index of its result. The parameters are copied at
   once. Only when up and not busy; after a local failure the trip fails as a whole. */
int pg_add(struct pg *pg, const struct pg_statement *statement, const struct pg_param *params,
           int n);
/* A statement without parameters, not prepared (BEGIN, COMMIT …). */
int pg_add_text(struct pg *pg, const char *sql);
/* Send it. `done` is called once, from the loop, unless the pg is destroyed; results live until it
   returns. */
void pg_run(struct pg *pg, void (*done)(void *ctx, const struct pg_trip *trip), void *ctx);
/* In `done`: the result of statement i (binary format). NULL if it was not reached. */
const PGresult *pg_result(const struct pg *pg, int i);
/* Server process id of the connection, for logs and fault tests. */
int pg_backend(const struct pg *pg);

/* Reading binary values. */
int64_t pg_int(const PGresult *result, int row,
               int column); /* bool, int2, int4, int8, timestamptz (as time_us); NULL is 0 */
text pg_text(const PGresult *result, int row,
             int column);                       /* borrowed from the result; NULL is absent */
int64_t pg_from_be(const char *bytes, int len); /* a signed big-endian integer of 1 to 8 bytes */

/* PostgreSQL counts time from 2000-01-01. */
#define PG_EPOCH_US INT64_C(946684800000000)
/* A timestamptz as PostgreSQL sends it, infinity too, brought into the range of times; never 0. */
time_us pg_time_of(int64_t stored);

/* A failpoint between two statements of a trip: the database is given what was added before, and
   time to do it. */
void pg_fail_within(struct pg *pg, const char *point);

#endif
