#include "migrate.h"

#include "arena.h"
#include "buf.h"
#include "log.h"
#include "pg.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run(PGconn *conn, const char *sql, struct err *err)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return 0;
    return err_set(err, "%s", PQerrorMessage(conn));
}

static int64_t ask(PGconn *conn, const char *sql, const char *param)
{
    const char *params[] = {param};
    PGresult *result = PQexecParams(conn, sql, param == NULL ? 0 : 1, NULL, params, NULL, NULL, 0);
    int64_t value = -1;
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0)
        value = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return value;
}

/* A session whose search_path is the schema. */
static PGconn *open_schema(const char *dsn, const char *schema, struct err *err)
{
    PGconn *conn = PQconnectdb(dsn);
    if (PQstatus(conn) != CONNECTION_OK) {
        err_set(err, "%s", PQerrorMessage(conn));
        PQfinish(conn);
        return NULL;
    }
    struct buf sql = {0};
    buf_printf(&sql,
               "SET client_min_messages = warning; SET search_path = %s; SET timezone = 'UTC'",
               schema);
    int bad = run(conn, sql.at, err);
    buf_finish(&sql);
    if (bad == 0) return conn;
    PQfinish(conn);
    return NULL;
}

static int only_sql(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 4 && strcmp(entry->d_name + len - 4, ".sql") == 0;
}

static char *read_whole(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) return NULL;
    struct buf bytes = {0};
    size_t got;
    while ((got = fread(buf_reserve(&bytes, 8192), 1, 8192, file)) > 0) buf_grew(&bytes, got);
    fclose(file);
    return bytes.at == NULL ? mem_string(TEXT("")) : bytes.at;
}

static int apply(PGconn *conn, const char *folder, const char *prefix, const char *name,
                 struct err *err)
{
    char path[1200], key[400];
    struct buf sql = {0};
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    snprintf(key, sizeof(key), "%s/%s", prefix, name);
    if (ask(conn, "SELECT count(*) FROM schema_migration WHERE name = $1", key) > 0) return 0;
    char *body = read_whole(path);
    if (body == NULL) return err_set(err, "cannot read %s: %s", path, strerror(errno));
    buf_printf(&sql, "BEGIN; %s; INSERT INTO schema_migration (name) VALUES ('%s'); COMMIT", body,
               key);
    int bad = run(conn, sql.at, err);
    if (bad < 0)
        err_prefix(err, "%s", path);
    else
        log_info("migrated", "file=%s", key);
    buf_finish(&sql);
    free(body);
    return bad;
}

static int apply_folder(PGconn *conn, const char *folder, const char *prefix, struct err *err)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, only_sql, alphasort), bad = 0;
    if (n < 0) return err_set(err, "cannot read the directory %s: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (bad == 0) bad = apply(conn, folder, prefix, entries[i]->d_name, err);
        free(entries[i]);
    }
    free(entries);
    return bad;
}

static int migrate_locked(PGconn *conn, const char *schema, const char *home, const char *service,
                          struct err *err)
{
    char sql[300], folder[1100];
    snprintf(sql, sizeof(sql), "CREATE SCHEMA IF NOT EXISTS %s", schema);
    if (ask(conn, "SELECT count(*) FROM pg_namespace WHERE nspname = $1", schema) == 0 &&
        run(conn, sql, err) < 0)
        return -1;
    if (run(conn,
            "CREATE TABLE IF NOT EXISTS schema_migration (name text PRIMARY KEY,"
            " at timestamptz NOT NULL DEFAULT clock_timestamp())",
            err) < 0)
        return -1;
    snprintf(folder, sizeof(folder), "%s/common/migrations", home);
    if (apply_folder(conn, folder, "common", err) < 0) return -1;
    snprintf(folder, sizeof(folder), "%s/services/%s/migrations", home, service);
    return apply_folder(conn, folder, service, err);
}

int migrate_schema(const char *dsn, const char *schema, const char *home, const char *service,
                   struct err *err)
{
    PGconn *conn = open_schema(dsn, schema, err);
    if (conn == NULL) return -1;
    int bad = run(conn, "SELECT pg_advisory_lock(5333, 1)",
                  err); /* one migration at a time in the database */
    if (bad == 0) bad = migrate_locked(conn, schema, home, service, err);
    PQfinish(conn);
    return bad;
}

int migrate_was_unclean(const char *dsn, const char *schema, const char *instance, bool *unclean,
                        struct err *err)
{
    PGconn *conn = open_schema(dsn, schema, err);
    if (conn == NULL) return -1;
    *unclean =
        ask(conn, "SELECT count(*) FROM member WHERE instance = $1 AND NOT clean", instance) > 0;
    PQfinish(conn);
    return 0;
}

int migrate_test_clock(const char *dsn, const char *schema, time_us start, struct err *err)
{
    char sql[200];
    PGconn *conn = open_schema(dsn, schema, err);
    if (conn == NULL) return -1;
    snprintf(
        sql, sizeof(sql),
        "INSERT INTO test_clock (at) VALUES (timestamptz 'epoch' + %lld * interval '1 us') ON CONFLICT DO NOTHING",
        (long long)start);
    int bad = run(conn, sql, err);
    PQfinish(conn);
    return bad;
}
