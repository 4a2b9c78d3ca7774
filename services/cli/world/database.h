/*
 * store: the command line's door to PostgreSQL: plain blocking libpq, for what is done before the
 * services run (creating the database) and for the checker, which only reads. Everything else goes
 * through the services.
 */
#ifndef KEFU_CLI_DATABASE_H
#define KEFU_CLI_DATABASE_H

#include "base/arena.h"
#include "base/err.h"

struct store;

MUST_CHECK struct store *store_open(const char *dsn, struct err *err);
void store_close(struct store *store); /* NULL is fine */

/* Create the database unless it is there. */
MUST_CHECK int store_create_database(struct store *store, const char *name, struct err *err);
/* The clock that a schema stands on. */
struct store_clock {
    time_us test_at; /* of its test clock; 0: it has none */
    bool used;       /* something has happened in it */
};
MUST_CHECK int store_read_clock(struct store *store, const char *schema, struct store_clock *clock,
                                struct err *err);
/* Where the test clock of a schema starts; a clock that is there already stays. */
MUST_CHECK int store_start_clock(struct store *store, const char *schema, time_us at,
                                 struct err *err);

#endif
