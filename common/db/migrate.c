#include "db/migrate.h"

#include "base/file.h"
#include "base/log.h"
#include "db/pg.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES_MAX = 1 * MIB };

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

/* New tables must belong to the schema's owner, because default privileges are the owner's; a
   service keeps its own role. */
static int become_owner(PGconn *conn, const char *schema, struct err *err)
{
    const char *params[] = {schema};
    PGresult *owner = PQexecParams(conn,
                                   "SELECT 'SET ROLE ' || nspowner::regrole FROM pg_namespace"
                                   " WHERE nspname = $1 AND pg_has_role(nspowner, 'MEMBER')",
                                   1, NULL, params, NULL, NULL, 0);
    int bad = PQntuples(owner) > 0 ? run(conn, PQgetvalue(owner, 0, 0), err) : 0;
    PQclear(owner);
    return bad;
}

/* A session whose search_path is the schema. */
static PGconn *open_schema(const char *dsn, const char *schema, struct err *err)
{
    PGconn *conn = pg_connect_now(dsn);
    if (PQstatus(conn) != CONNECTION_OK) {
        err_set(err, "%s", PQerrorMessage(conn));
        PQfinish(conn);
        return NULL;
    }
    struct buf sql = {0};
    buf_printf(
        &sql,
        "SET client_min_messages = warning; SET search_path = %s, pg_temp;"
        " SET timezone = 'UTC'", /* functions that keep this path find no temporary table first */
        schema);
    int bad = run(conn, sql.at, err);
    buf_finish(&sql);
    if (bad == 0) bad = become_owner(conn, schema, err);
    if (bad == 0) return conn;
    PQfinish(conn);
    return NULL;
}

static int only_sql(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 4 && strcmp(entry->d_name + len - 4, ".sql") == 0;
}

/* One look over all files of a schema. */
struct migration {
    PGconn *conn;
    const char *home, *schema, *service;
    bool only_look;
    char missing[400]; /* the first file that has not been applied: "intake/001_intake.sql" */
};

static int apply(struct migration *m, const char *folder, const char *prefix, const char *name,
                 struct err *err)
{
    char path[1200], key[sizeof(m->missing)];
    struct buf sql = {0};
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    snprintf(key, sizeof(key), "%s/%s", prefix, name);
    if (ask(m->conn, "SELECT count(*) FROM schema_migration WHERE name = $1", key) > 0) return 0;
    if (m->only_look) {
        if (m->missing[0] == '\0') memcpy(m->missing, key, sizeof(key));
        return 0;
    }
    buf_printf(&sql, "BEGIN; ");
    int bad = file_read(path, FILE_BYTES_MAX, &sql, NULL, err);
    buf_printf(&sql, "; INSERT INTO schema_migration (name) VALUES ('%s'); COMMIT", key);
    if (bad < 0)
        err_prefix(err, "migration");
    else if ((bad = run(m->conn, sql.at, err)) < 0)
        err_prefix(err, "%s", path);
    else
        log_info("migrated", "file=%s", key);
    buf_finish(&sql);
    return bad;
}

static int apply_folder(struct migration *m, const char *folder, const char *prefix,
                        struct err *err)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, only_sql, alphasort), bad = 0;
    if (n < 0) return err_set(err, "cannot read the directory %s: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (bad == 0) bad = apply(m, folder, prefix, entries[i]->d_name, err);
        free(entries[i]);
    }
    free(entries);
    return bad;
}

static int apply_all(struct migration *m, struct err *err)
{
    char folder[1100];
    snprintf(folder, sizeof(folder), "%s/common/runtime/migrations", m->home);
    if (apply_folder(m, folder, "common", err) < 0) return -1;
    snprintf(folder, sizeof(folder), "%s/services/%s/migrations", m->home, m->service);
    return apply_folder(m, folder, m->service, err);
}

/* May this role be the owner of the schema: by owning it, as a member or superuser, or by making
   it? */
static bool may_own(const struct migration *m)
{
    return ask(m->conn,
               "SELECT coalesce((SELECT pg_has_role(nspowner, 'MEMBER') FROM pg_namespace"
               " WHERE nspname = $1),"
               " has_database_privilege(current_database(), 'CREATE'))::integer",
               m->schema) == 1;
}

/* One migration at a time in the database. */
static int bring_forward(struct migration *m, struct err *err)
{
    char sql[300];
    snprintf(sql, sizeof(sql), "CREATE SCHEMA IF NOT EXISTS %s", m->schema);
    if (run(m->conn, "SELECT pg_advisory_lock(5333, 1)", err) < 0) return -1;
    if (ask(m->conn, "SELECT count(*) FROM pg_namespace WHERE nspname = $1", m->schema) == 0 &&
        run(m->conn, sql, err) < 0)
        return -1;
    if (run(m->conn,
            "CREATE TABLE IF NOT EXISTS schema_migration (name text PRIMARY KEY,"
            " at timestamptz NOT NULL DEFAULT clock_timestamp())",
            err) < 0)
        return -1;
    m->only_look = false;
    return apply_all(m, err);
}

static enum migrate_result migrate(struct migration *m, struct err *err)
{
    if (apply_all(m, err) < 0) return MIGRATE_FAILED;
    if (m->missing[0] == '\0') return MIGRATE_DONE;
    if (may_own(m)) return bring_forward(m, err) < 0 ? MIGRATE_FAILED : MIGRATE_DONE;
    err_set(err, "the schema %s lacks %s, and the role %s does not own it", m->schema, m->missing,
            PQuser(m->conn));
    return PQstatus(m->conn) == CONNECTION_OK ? MIGRATE_NOT_OWNER : MIGRATE_UNREACHABLE;
}

enum migrate_result migrate_schema(const char *dsn, const char *schema, const char *home,
                                   const char *service, struct err *err)
{
    struct migration m = {.conn = open_schema(dsn, schema, err),
                          .home = home,
                          .schema = schema,
                          .service = service,
                          .only_look = true};
    if (m.conn == NULL) return MIGRATE_UNREACHABLE;
    enum migrate_result result = migrate(&m, err);
    PQfinish(m.conn);
    return result;
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

/* Of other roles' sessions little more can be seen than user and database. The server's own
   processes lack one of them. */
int migrate_room(const char *dsn, const char *schema, int64_t *most, int64_t *left, struct err *err)
{
    PGconn *conn = open_schema(dsn, schema, err);
    if (conn == NULL) return -1;
    *most = ask(conn,
                "SELECT current_setting('max_connections')::integer"
                " - current_setting('superuser_reserved_connections')::integer",
                NULL);
    *left =
        *most -
        ask(conn,
            "SELECT count(*) FROM pg_stat_activity WHERE usesysid IS NOT NULL AND datid IS NOT NULL"
            " AND pid <> pg_backend_pid()"
            " AND coalesce(backend_type, 'client backend') = 'client backend'",
            NULL);
    PQfinish(conn);
    return 0;
}

static int start_clock(PGconn *conn, const char *schema, time_us start, struct err *err)
{
    char sql[200];
    if (ask(conn, "SELECT (EXISTS (SELECT FROM journal) OR EXISTS (SELECT FROM reply))::integer",
            NULL) != 0)
        return err_set(err, "the schema %s has been used on the real clock", schema);
    snprintf(sql, sizeof(sql),
             "INSERT INTO test_clock (at) VALUES (timestamptz 'epoch' + %lld * interval '1 us')"
             " ON CONFLICT DO NOTHING",
             (long long)start);
    return run(conn, sql, err);
}

int migrate_clock(const char *dsn, const char *schema, bool test_clock, time_us start, time_us *now,
                  struct err *err)
{
    PGconn *conn = open_schema(dsn, schema, err);
    if (conn == NULL) return -1;
    int64_t has = ask(conn, "SELECT count(*) FROM test_clock", NULL);
    int bad = 0;
    if (has < 0)
        bad = err_set(err, "%s", PQerrorMessage(conn));
    else if (has && !test_clock)
        bad = err_set(err, "the schema %s stands on a test clock", schema);
    else if (!has && test_clock)
        bad = start_clock(conn, schema, start, err);
    *now = ask(conn, "SELECT (extract(epoch FROM now_us()) * 1000000)::bigint", NULL);
    if (bad == 0 && *now < 0) bad = err_set(err, "%s", PQerrorMessage(conn));
    PQfinish(conn);
    return bad;
}

/* --- what a service asks --- */

static struct list first_column(const PGresult *result, struct arena *arena)
{
    size_t n = (size_t)PQntuples(result);
    text *at = ARENA_ARRAY(arena, text, n);
    for (size_t i = 0; i < n; i++)
        at[i] = arena_text(
            arena, (text){PQgetvalue(result, (int)i, 0), (size_t)PQgetlength(result, (int)i, 0)});
    return (struct list){at, n};
}

int migrate_ask(const char *dsn, const char *schema, const char *sql, text given,
                struct arena *arena, struct list *out, struct err *err)
{
    enum { OID_BYTEA = 17 };
    const Oid type = OID_BYTEA;
    const int len = (int)given.len, binary = 1;
    PGconn *conn = open_schema(dsn, schema, err);
    if (conn == NULL) return -1;
    PGresult *result =
        PQexecParams(conn, sql, given.at == NULL ? 0 : 1, &type, &given.at, &len, &binary, binary);
    ExecStatusType status = PQresultStatus(result);
    int bad = 0;
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        *out = first_column(result, arena);
    else
        bad = err_set(err, "%s", PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
    return bad;
}
