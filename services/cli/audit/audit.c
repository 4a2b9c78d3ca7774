#include "audit.h"

#include "base/buf.h"
#include "data/json.h"
#include "data/pack.h"
#include "net/services.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct audit {
    PGconn *conn;
};

/* --- talking to the database --- */

static int failed(struct audit *audit, PGresult *result, struct err *err)
{
    const char *message = PQerrorMessage(audit->conn);
    PQclear(result);
    return err_set(err, "the database said: %.*s", (int)strcspn(message, "\n"), message);
}

static int run(struct audit *audit, const char *sql, struct err *err)
{
    PGresult *result = PQexec(audit->conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        return failed(audit, result, err);
    PQclear(result);
    return 0;
}

static PGresult *fetch(struct audit *audit, const char *sql, struct err *err)
{
    PGresult *result = PQexec(audit->conn, sql);
    if (PQresultStatus(result) == PGRES_TUPLES_OK) return result;
    failed(audit, result, err);
    return NULL;
}

static int64_t number_at(const PGresult *result, int row, int column)
{
    int64_t number = 0;
    (void)text_to_int(text_of(PQgetvalue(result, row, column)), &number);
    return number;
}

struct audit *audit_open(const char *dsn, struct err *err)
{
    struct audit *audit = mem_alloc(sizeof(*audit));
    audit->conn = PQconnectdb(dsn);
    if (PQstatus(audit->conn) == CONNECTION_OK &&
        run(audit,
            /* tables that grew since they were counted look small, and nested loops over them
               cheap */
            "SET enable_nestloop = off;"
            " SET timezone = 'UTC'; SET datestyle = 'ISO'; SET jit = off; SET work_mem = '64MB';"
            " SET client_min_messages = 'warning'; SET idle_in_transaction_session_timeout = 0",
            err) == 0)
        return audit;
    err_set(err, "cannot connect to the database: %.*s",
            (int)strcspn(PQerrorMessage(audit->conn), "\n"), PQerrorMessage(audit->conn));
    audit_close(audit);
    return NULL;
}

void audit_close(struct audit *audit)
{
    if (audit == NULL) return;
    PQfinish(audit->conn);
    free(audit);
}

/* --- the snapshot --- */

static int has_schemas(struct audit *audit, struct err *err)
{
    for (size_t i = 0; i < services_n; i++) {
        const char *values[] = {services_list[i].name};
        if (!services_list[i].deployed) continue;
        PGresult *found = PQexecParams(audit->conn, "SELECT 1 FROM pg_namespace WHERE nspname = $1",
                                       1, NULL, values, NULL, NULL, 0);
        if (PQresultStatus(found) != PGRES_TUPLES_OK) return failed(audit, found, err);
        bool there = PQntuples(found) > 0;
        PQclear(found);
        if (!there)
            return err_set(err, "there is no schema %s in this database", services_list[i].name);
    }
    return 0;
}

/* How many cases, at most `most` of them as examples. */
static int find_cases(struct audit *audit, const struct audit_check *check, struct arena *arena,
                      struct audit_finding *finding, struct err *err)
{
    struct buf sql = {0};
    *finding = (struct audit_finding){0};
    buf_printf(&sql, "SELECT count(*) OVER (), example FROM (%s) AS found(example) LIMIT %d",
               check->sql, AUDIT_EXAMPLES);
    PGresult *result = fetch(audit, buf_text(&sql).at, err);
    buf_finish(&sql);
    if (result == NULL) {
        err_prefix(err, "%s %s", check->invariant, check->name);
        return -1;
    }
    for (int i = 0; i < PQntuples(result); i++)
        finding->examples[finding->examples_n++] =
            arena_text(arena, text_of(PQgetvalue(result, i, 1)));
    if (PQntuples(result) > 0) finding->cases = number_at(result, 0, 0);
    PQclear(result);
    return 0;
}

static int find_waiting(struct audit *audit, bool *waits, struct err *err)
{
    struct arena *arena = arena_create();
    struct audit_finding finding = {0};
    int result = 0;
    for (size_t i = 0; i < audit_checks_n && result == 0 && finding.cases == 0; i++)
        if (audit_checks[i].passes)
            result = find_cases(audit, &audit_checks[i], arena, &finding, err);
    *waits = finding.cases > 0;
    arena_destroy(arena);
    return result;
}

static int is_live(struct audit *audit, bool *live, struct err *err)
{
    PGresult *result = fetch(
        audit, "SELECT 1 FROM held WHERE last AND expires_at > clock_timestamp() LIMIT 1", err);
    if (result == NULL) return -1;
    *live = PQntuples(result) > 0;
    PQclear(result);
    return 0;
}

int audit_look(struct audit *audit, bool *waits, bool *live, struct err *err)
{
    if (has_schemas(audit, err) < 0) return -1;
    if (PQtransactionStatus(audit->conn) != PQTRANS_IDLE && run(audit, "ROLLBACK", err) < 0)
        return -1;
    if (run(audit, "BEGIN ISOLATION LEVEL REPEATABLE READ", err) < 0) return -1;
    for (size_t i = 0; i < audit_outline_n; i++)
        if (run(audit, audit_outline[i], err) < 0) return -1;
    if (is_live(audit, live, err) < 0) return -1;
    return find_waiting(audit, waits, err);
}

/* --- journals and replies, their bodies as JSON --- */

/* A value of a line that COPY reads. */
static void add_value(struct buf *line, text value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        if (c == '\\')
            buf_add_text(line, TEXT("\\\\"));
        else if (c == '\t')
            buf_add_text(line, TEXT("\\t"));
        else if (c == '\n')
            buf_add_text(line, TEXT("\\n"));
        else if (c == '\r')
            buf_add_text(line, TEXT("\\r"));
        else
            buf_add_char(line, c);
    }
}

/* The body of a message; nothing if it cannot be read. */
static void add_body(struct buf *line, const struct shape *shape, const char *escaped,
                     struct arena *arena)
{
    struct err err;
    size_t len = 0;
    unsigned char *bytes = PQunescapeBytea((const unsigned char *)escaped, &len);
    text packed = {(const char *)bytes, len};
    void *body = NULL;
    if (shape != NULL && bytes != NULL && pack_scan(packed, &pack_limits_inside, &err) == 0)
        body = pack_read(packed, shape, arena, &err);
    if (body != NULL) {
        struct buf json = {0};
        json_write(&json, shape, body);
        add_value(line, buf_text(&json));
        buf_finish(&json);
    } else {
        buf_add_text(line, TEXT("\\N"));
    }
    PQfreemem(bytes);
}

/* Where rows come from and what they become: the last column is the body, those before are
   copied. */
struct load {
    const char *select;
    const char *copy;
    /* of every body; NULL: named by column 3, type, and column 4, version */
    const struct shape *shape;
};

static void write_line(struct buf *line, const struct load *load, const PGresult *rows, int row)
{
    struct arena *arena = arena_create();
    int last = PQnfields(rows) - 1;
    const struct shape *shape = load->shape;
    if (shape == NULL)
        shape = shape_find(text_of(PQgetvalue(rows, row, 3)), (int)number_at(rows, row, 4));
    for (int i = 0; i < last; i++) {
        add_value(line, text_of(PQgetvalue(rows, row, i)));
        buf_add_char(line, '\t');
    }
    add_body(line, shape, PQgetvalue(rows, row, last), arena);
    buf_add_char(line, '\n');
    arena_destroy(arena);
}

static int put_lines(struct audit *audit, const struct load *load, const PGresult *rows,
                     struct err *err)
{
    struct buf lines = {0};
    PGresult *result = PQexec(audit->conn, load->copy);
    if (PQresultStatus(result) != PGRES_COPY_IN) return failed(audit, result, err);
    PQclear(result);
    for (int i = 0; i < PQntuples(rows); i++) write_line(&lines, load, rows, i);
    bool sent = PQputCopyData(audit->conn, buf_text(&lines).at, (int)lines.len) == 1 &&
                PQputCopyEnd(audit->conn, NULL) == 1;
    buf_finish(&lines);
    bool good = sent;
    while ((result = PQgetResult(audit->conn)) != NULL) {
        good = good && PQresultStatus(result) == PGRES_COMMAND_OK;
        PQclear(result);
    }
    return good ? 0 : failed(audit, NULL, err);
}

static int load_rows(struct audit *audit, const struct load *load, struct err *err)
{
    struct buf declare = {0};
    int rows = 1;
    buf_printf(&declare, "DECLARE source NO SCROLL CURSOR FOR %s", load->select);
    int status = run(audit, buf_text(&declare).at, err);
    buf_finish(&declare);
    while (status == 0 && rows > 0) {
        PGresult *result = fetch(audit, "FETCH 5000 FROM source", err);
        if (result == NULL) return -1;
        rows = PQntuples(result);
        if (rows > 0) status = put_lines(audit, load, result, err);
        PQclear(result);
    }
    return status < 0 ? -1 : run(audit, "CLOSE source", err);
}

static int load_journal(struct audit *audit, const char *service, struct err *err)
{
    char select[400];
    snprintf(
        select, sizeof(select),
        "SELECT '%s', partition, seq, type, version, '%s/' || partition || '/' || seq, at, key,"
        " cause, body FROM %s.journal",
        service, service, service);
    return load_rows(
        audit,
        &(struct load){
            select,
            "COPY said (service, partition, seq, type, version, place, at, key, cause, body)"
            " FROM STDIN",
            NULL},
        err);
}

static int load_details(struct audit *audit, struct err *err)
{
    const struct load replies = {"SELECT principal || ' ' || id, body FROM intake.reply",
                                 "COPY answered (reply, body) FROM STDIN",
                                 shape_find(TEXT("contact.recorded"), 1)};
    if (run(audit, audit_detail[0], err) < 0) return -1;
    for (size_t i = 0; i < services_n; i++)
        if (services_list[i].deployed && load_journal(audit, services_list[i].name, err) < 0)
            return -1;
    if (load_rows(audit, &replies, err) < 0) return -1;
    for (size_t i = 1; i < audit_detail_n; i++)
        if (run(audit, audit_detail[i], err) < 0) return -1;
    return 0;
}

int audit_examine(struct audit *audit, struct arena *arena, struct audit_finding *findings,
                  text *looked_at, struct err *err)
{
    if (load_details(audit, err) < 0) return -1;
    if (run(audit, "SET TRANSACTION READ ONLY", err) < 0) return -1;
    for (size_t i = 0; i < audit_checks_n; i++)
        if (find_cases(audit, &audit_checks[i], arena, &findings[i], err) < 0) return -1;
    for (size_t i = 0; i < audit_invariants_n; i++) {
        PGresult *result = fetch(audit, audit_invariants[i].sql, err);
        if (result == NULL) return -1;
        looked_at[i] = arena_text(arena, text_of(PQgetvalue(result, 0, 0)));
        PQclear(result);
    }
    return run(audit, "ROLLBACK", err);
}
