#include "database.h"

#include <libpq-fe.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store {
    PGconn *conn;
};

struct store *store_open(const char *dsn, struct err *err)
{
    struct store *store = mem_alloc(sizeof(*store));
    store->conn = PQconnectdb(dsn);
    if (PQstatus(store->conn) == CONNECTION_OK) return store;
    err_set(err, "cannot connect to the database: %.*s",
            (int)strcspn(PQerrorMessage(store->conn), "\n"), PQerrorMessage(store->conn));
    store_close(store);
    return NULL;
}

void store_close(struct store *store)
{
    if (store == NULL) return;
    PQfinish(store->conn);
    free(store);
}

static int failed(PGresult *result, const struct store *store, struct err *err)
{
    PQclear(result);
    const char *message = PQerrorMessage(store->conn);
    return err_set(err, "the database said: %.*s", (int)strcspn(message, "\n"), message);
}

int store_create_database(struct store *store, const char *name, struct err *err)
{
    char statement[200];
    const char *values[] = {name};
    PGresult *found = PQexecParams(store->conn, "SELECT 1 FROM pg_database WHERE datname = $1", 1,
                                   NULL, values, NULL, NULL, 0);
    if (PQresultStatus(found) != PGRES_TUPLES_OK) return failed(found, store, err);
    bool there = PQntuples(found) > 0;
    PQclear(found);
    if (there) return 0;
    char *quoted = PQescapeIdentifier(store->conn, name, strlen(name));
    snprintf(statement, sizeof(statement), "CREATE DATABASE %s", quoted);
    PQfreemem(quoted);
    PGresult *made = PQexec(store->conn, statement);
    if (PQresultStatus(made) != PGRES_COMMAND_OK) return failed(made, store, err);
    PQclear(made);
    return 0;
}

int store_read_clock(struct store *store, const char *schema, struct store_clock *clock,
                     struct err *err)
{
    char statement[600];
    int64_t used = 0;
    char *quoted = PQescapeIdentifier(store->conn, schema, strlen(schema));
    snprintf(statement, sizeof(statement),
             "SELECT coalesce("
             "(SELECT (extract(epoch FROM at) * 1000000)::bigint FROM %s.test_clock), 0),"
             " (EXISTS (SELECT FROM %s.journal) OR EXISTS (SELECT FROM %s.reply))::integer",
             quoted, quoted, quoted);
    PQfreemem(quoted);
    PGresult *result = PQexec(store->conn, statement);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) return failed(result, store, err);
    (void)text_to_int(text_of(PQgetvalue(result, 0, 0)), &clock->test_at);
    (void)text_to_int(text_of(PQgetvalue(result, 0, 1)), &used);
    clock->used = used > 0;
    PQclear(result);
    return 0;
}

int store_start_clock(struct store *store, const char *schema, time_us at, struct err *err)
{
    char statement[400], number[32];
    const char *values[] = {number};
    snprintf(number, sizeof(number), "%" PRId64, at);
    char *quoted = PQescapeIdentifier(store->conn, schema, strlen(schema));
    snprintf(
        statement, sizeof(statement),
        "INSERT INTO %s.test_clock (at) VALUES ('epoch'::timestamptz + $1::bigint * interval '1"
        " microsecond')"
        " ON CONFLICT DO NOTHING",
        quoted);
    PQfreemem(quoted);
    PGresult *result = PQexecParams(store->conn, statement, 1, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) return failed(result, store, err);
    PQclear(result);
    return 0;
}
