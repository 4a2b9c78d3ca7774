#include "db/pg.h"

#include "base/arena.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum { ITEMS_AT_START = 32, RETRY_MS = 50, RETRY_MAX_MS = 2000 };

struct item {
    /* this item is the Prepare of that statement; its result is not the caller's */
    const struct pg_statement *prepares;
    PGresult *result;
};

/* The statements of one trip and their results. */
struct load_of {
    struct item *items;
    int n, room;
    int *answers; /* caller's index -> item */
    int answers_n, answers_room;
};

struct pg {
    PGconn *conn; /* NULL while down */
    char *dsn;
    char *setup;
    void (*on_change)(void *ctx, bool up);
    void *ctx;

    uv_poll_t *poll;
    struct loop_timer retry; /* also for the end of what was not sent */
    int retry_ms;
    struct connecting *connecting;

    struct load_of now;  /* the trip being put together or under way */
    struct load_of last; /* the trip being reported: `done` may already put the next one together */
    int at;              /* the item whose results are being read */
    bool running;
    bool unsent; /* libpq took less than the trip that is put together */
    struct pg_trip trip;
    void (*done)(void *ctx, const struct pg_trip *trip);
    void *done_ctx;

    const struct pg_statement **prepared; /* known on this connection */
    int prepared_n, prepared_room;
};

struct connecting {
    uv_work_t work;
    struct pg *pg; /* NULL if destroyed meanwhile */
    char *dsn, *setup;
    PGconn *conn;
    char error[300];
};

static void connect_soon(struct pg *pg);
static void connection_lost(struct pg *pg, const char *why);

METRIC(failures, .name = "kefu_database_failures_total", .type = METRIC_COUNTER,
       .help = "Connections to PostgreSQL that could not be made, or were lost.",
       .labels = {"what"});

/* --- connecting, off the loop --- */

/* A network that swallows everything must be noticed within the lease. What the DSN says of these
   comes later, and counts. */
PGconn *pg_connect_now(const char *dsn)
{
    /* A thread may still connect while the process ends: OpenSSL, by which libpq shows passwords,
       must not be taken down under it by exit(). It counts only before its first use. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    static const char *const names[] = {"connect_timeout",
                                        "tcp_user_timeout",
                                        "keepalives_idle",
                                        "keepalives_interval",
                                        "keepalives_count",
                                        "dbname",
                                        NULL};
    const char *const values[] = {"5", "8000", "4", "2", "2", dsn, NULL};
    return PQconnectdbParams(names, values, 1);
}

static void connect_work(uv_work_t *work)
{
    struct connecting *c = work->data;
    c->conn = pg_connect_now(c->dsn);
    if (PQstatus(c->conn) == CONNECTION_OK && c->setup != NULL) {
        PGresult *result = PQexec(c->conn, c->setup);
        ExecStatusType status = PQresultStatus(result);
        PQclear(result);
        if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return;
    } else if (PQstatus(c->conn) == CONNECTION_OK) {
        return;
    }
    text_fit(c->error, sizeof(c->error), text_of(PQerrorMessage(c->conn)));
    PQfinish(c->conn);
    c->conn = NULL;
}

static void read_results(struct pg *pg);

static void want_write(struct pg *pg);

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct pg *pg = poll->data;
    if (status < 0) {
        connection_lost(pg, "poll failed");
        return;
    }
    if (events & UV_WRITABLE) want_write(pg);
    if (pg->conn != NULL && (events & UV_READABLE)) {
        if (PQconsumeInput(pg->conn) == 0)
            connection_lost(pg, PQerrorMessage(pg->conn));
        else
            read_results(pg);
    }
}

static void want_write(struct pg *pg)
{
    int left = PQflush(pg->conn);
    if (left < 0) {
        connection_lost(pg, PQerrorMessage(pg->conn));
        return;
    }
    uv_poll_start(pg->poll, UV_READABLE | (left == 1 ? UV_WRITABLE : 0), on_poll);
}

static void connected(struct pg *pg, PGconn *conn)
{
    pg->conn = conn;
    pg->unsent = false;
    pg->retry_ms = RETRY_MS;
    pg->prepared_n = 0;
    PQsetnonblocking(conn, 1);
    PQenterPipelineMode(conn);
    pg->poll = mem_alloc(sizeof(*pg->poll));
    uv_poll_init(loop_get(), pg->poll, PQsocket(conn));
    pg->poll->data = pg;
    uv_poll_start(pg->poll, UV_READABLE, on_poll);
    pg->on_change(pg->ctx, true);
}

static void retry_now(void *ctx)
{
    connect_soon(ctx);
}

static void connect_done(uv_work_t *work, int status)
{
    struct connecting *c = work->data;
    struct pg *pg = c->pg;
    (void)status;
    if (pg == NULL) {
        PQfinish(c->conn);
    } else {
        pg->connecting = NULL;
        if (c->conn != NULL) {
            connected(pg, c->conn);
        } else {
            metric_add(&failures, 1, "connect");
            log_warn("database_unreachable", "reason=%s retry_ms=%d", log_quoted(c->error),
                     pg->retry_ms);
            loop_timer_start(&pg->retry, pg->retry_ms + rand() % pg->retry_ms, 0, retry_now, pg);
            if (pg->retry_ms < RETRY_MAX_MS) pg->retry_ms *= 2;
        }
    }
    free(c->dsn);
    free(c->setup);
    free(c);
}

static void connect_soon(struct pg *pg)
{
    struct connecting *c = mem_alloc(sizeof(*c));
    c->work.data = c;
    c->pg = pg;
    c->dsn = mem_string(text_of(pg->dsn));
    c->setup = pg->setup == NULL ? NULL : mem_string(text_of(pg->setup));
    pg->connecting = c;
    uv_queue_work(loop_get(), &c->work, connect_work, connect_done);
}

struct pg *pg_create(const char *dsn, const char *setup, void (*on_change)(void *ctx, bool up),
                     void *ctx)
{
    struct pg *pg = mem_alloc(sizeof(*pg));
    pg->dsn = mem_string(text_of(dsn));
    pg->setup = setup == NULL ? NULL : mem_string(text_of(setup));
    pg->on_change = on_change;
    pg->ctx = ctx;
    pg->retry_ms = RETRY_MS;
    connect_soon(pg);
    return pg;
}

/* --- going down --- */

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void clear_items(struct load_of *load)
{
    for (int i = 0; i < load->n; i++) PQclear(load->items[i].result);
    load->n = load->answers_n = 0;
}

static void free_items(struct load_of *load)
{
    clear_items(load);
    free(load->items);
    free(load->answers);
}

static void close_connection(struct pg *pg)
{
    if (pg->poll != NULL) {
        uv_poll_stop(pg->poll); /* before PQfinish: libuv must not poll a closed descriptor */
        uv_close((uv_handle_t *)pg->poll, free_handle);
        pg->poll = NULL;
    }
    PQfinish(pg->conn);
    pg->conn = NULL;
}

static void report(struct pg *pg)
{
    struct load_of reported = pg->now;
    struct pg_trip trip = pg->trip;
    pg->now = pg->last;
    pg->last = reported;
    pg->at = 0;
    pg->running = false;
    pg->done(pg->done_ctx, &trip);
    clear_items(&pg->last);
}

static void connection_lost(struct pg *pg, const char *why)
{
    bool ran = pg->running;
    metric_add(&failures, 1, "lost");
    log_warn("database_lost", "reason=%s running=%d", log_quoted(why), ran);
    pg->trip.outcome = PG_TRANSIENT;
    pg->trip.lost = true;
    text_format(pg->trip.message, sizeof(pg->trip.message), "connection lost: %s", why);
    close_connection(pg);
    loop_timer_start(&pg->retry, pg->retry_ms, 0, retry_now, pg);
    if (ran)
        report(pg);
    else
        clear_items(&pg->now);
    pg->at = 0;
    pg->on_change(pg->ctx, false);
}

void pg_destroy(struct pg *pg)
{
    if (pg == NULL) return;
    loop_timer_stop(&pg->retry);
    if (pg->connecting != NULL) pg->connecting->pg = NULL;
    if (pg->conn != NULL) close_connection(pg);
    free_items(&pg->now);
    free_items(&pg->last);
    free(pg->prepared);
    free(pg->dsn);
    free(pg->setup);
    free(pg);
}

bool pg_up(const struct pg *pg)
{
    return pg->conn != NULL;
}

bool pg_busy(const struct pg *pg)
{
    return pg->running;
}

int pg_backend(const struct pg *pg)
{
    return pg->conn == NULL ? 0 : PQbackendPID(pg->conn);
}

/* --- putting a trip together --- */

static int add_item(struct pg *pg, const struct pg_statement *prepares)
{
    struct load_of *load = &pg->now;
    if (load->n == load->room) {
        load->room = load->room == 0 ? ITEMS_AT_START : load->room * 2;
        load->items = mem_resize(load->items, sizeof(*load->items) * (size_t)load->room);
    }
    load->items[load->n] = (struct item){.prepares = prepares};
    return load->n++;
}

static int add_answer(struct pg *pg)
{
    int item = add_item(pg, NULL);
    struct load_of *load = &pg->now;
    if (load->answers_n == load->answers_room) {
        load->answers_room = load->answers_room == 0 ? ITEMS_AT_START : load->answers_room * 2;
        load->answers =
            mem_resize(load->answers, sizeof(*load->answers) * (size_t)load->answers_room);
    }
    load->answers[load->answers_n] = item;
    return load->answers_n++;
}

static bool is_prepared(const struct pg *pg, const struct pg_statement *statement)
{
    for (int i = 0; i < pg->prepared_n; i++)
        if (pg->prepared[i] == statement) return true;
    for (int i = 0; i < pg->now.n; i++)
        if (pg->now.items[i].prepares == statement) return true;
    return false;
}

static void remember_prepared(struct pg *pg, const struct pg_statement *statement)
{
    if (pg->prepared_n == pg->prepared_room) {
        pg->prepared_room = pg->prepared_room == 0 ? ITEMS_AT_START : pg->prepared_room * 2;
        pg->prepared = mem_resize(pg->prepared, sizeof(*pg->prepared) * (size_t)pg->prepared_room);
    }
    pg->prepared[pg->prepared_n++] = statement;
}

/* libpq may have closed its socket by now, and libuv aborts when it is to poll a closed one. */
static void was_unsent(struct pg *pg)
{
    pg->unsent = true;
    uv_poll_stop(pg->poll);
}

int pg_add(struct pg *pg, const struct pg_statement *statement, const struct pg_param *params,
           int n)
{
    enum { MOST = 64 };
    const char *values[MOST];
    int lengths[MOST], formats[MOST];
    assert(pg->conn != NULL && !pg->running && n <= MOST);
    if (!is_prepared(pg, statement)) {
        if (PQsendPrepare(pg->conn, statement->name, statement->text, 0, NULL) == 0) was_unsent(pg);
        add_item(pg, statement);
    }
    for (int i = 0; i < n; i++) {
        values[i] = params[i].bytes;
        lengths[i] = params[i].len;
        formats[i] = 1;
    }
    if (PQsendQueryPrepared(pg->conn, statement->name, n, values, lengths, formats, 1) == 0)
        was_unsent(pg);
    return add_answer(pg);
}

int pg_add_text(struct pg *pg, const char *sql)
{
    assert(pg->conn != NULL && !pg->running);
    if (PQsendQueryParams(pg->conn, sql, 0, NULL, NULL, NULL, NULL, 1) == 0) was_unsent(pg);
    return add_answer(pg);
}

static void report_unsent(void *ctx)
{
    struct pg *pg = ctx;
    connection_lost(pg, PQerrorMessage(pg->conn));
}

void pg_run(struct pg *pg, void (*done)(void *ctx, const struct pg_trip *trip), void *ctx)
{
    assert(pg->conn != NULL && !pg->running);
    pg->done = done;
    pg->done_ctx = ctx;
    pg->running = true;
    pg->trip = (struct pg_trip){.outcome = PG_OK, .failed = -1};
    if (PQpipelineSync(pg->conn) == 0 || PQflush(pg->conn) < 0) was_unsent(pg);
    /* Errors are reported in another turn: never in the middle of a caller's callback. */
    if (pg->unsent)
        loop_timer_start(&pg->retry, 0, 0, report_unsent, pg);
    else
        uv_poll_start(pg->poll, UV_READABLE | UV_WRITABLE, on_poll);
}

/* --- reading the results --- */

static void note_error(struct pg *pg, const PGresult *result)
{
    if (pg->trip.outcome != PG_OK) return;
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    const char *table = PQresultErrorField(result, PG_DIAG_TABLE_NAME);
    snprintf(pg->trip.state, sizeof(pg->trip.state), "%s", state == NULL ? "XX000" : state);
    const char *primary =
        PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY); /* without DETAIL: it quotes rows */
    text_fit(pg->trip.message, sizeof(pg->trip.message), text_of(primary == NULL ? "?" : primary));
    pg->trip.outcome = sqlstate_outcome(pg->trip.state, table);
    if (constraint != NULL) log_debug("constraint", "name=%s", constraint);
    for (int i = 0; i < pg->now.answers_n; i++)
        if (pg->now.answers[i] == pg->at) pg->trip.failed = i;
}

static void take_result(struct pg *pg, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    struct item *item = &pg->now.items[pg->at];
    if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) note_error(pg, result);
    if (item->prepares != NULL && status == PGRES_COMMAND_OK) remember_prepared(pg, item->prepares);
    if (item->result == NULL && (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK))
        item->result = result;
    else
        PQclear(result);
}

static void read_results(struct pg *pg)
{
    while (pg->conn != NULL && pg->running && PQisBusy(pg->conn) == 0) {
        PGresult *result = PQgetResult(pg->conn);
        if (result == NULL) {
            if (pg->at < pg->now.n)
                pg->at++; /* end of one statement's results */
            else if (PQstatus(pg->conn) == CONNECTION_BAD)
                break;
        } else if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            report(pg);
        } else if (pg->at < pg->now.n) {
            take_result(pg, result);
        } else {
            PQclear(result);
        }
    }
    if (pg->conn != NULL && PQstatus(pg->conn) == CONNECTION_BAD)
        connection_lost(pg, PQerrorMessage(pg->conn));
}

const PGresult *pg_result(const struct pg *pg, int i)
{
    assert(i >= 0);
    return i < pg->last.answers_n ? pg->last.items[pg->last.answers[i]].result : NULL;
}

int64_t pg_from_be(const char *bytes, int len)
{
    uint64_t value = len > 0 && (bytes[0] & 0x80) ? ~UINT64_C(0) : 0;
    for (int i = 0; i < len; i++) value = value << 8 | (unsigned char)bytes[i];
    return (int64_t)value;
}

time_us pg_time_of(int64_t stored)
{
    time_us time;
    if (__builtin_add_overflow(stored, PG_EPOCH_US, &time)) return TIME_END - 1;
    return time == 0 ? 1 : time_clamp(time);
}

int64_t pg_int(const PGresult *result, int row, int column)
{
    enum { TIMESTAMPTZ = 1184 };
    if (PQgetisnull(result, row, column)) return 0;
    int64_t value = pg_from_be(PQgetvalue(result, row, column), PQgetlength(result, row, column));
    return PQftype(result, column) == TIMESTAMPTZ ? pg_time_of(value) : value;
}

text pg_text(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column)) return (text){0};
    return (text){PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

static void push_added(void *ctx)
{
    struct pg *pg = ctx;
    while (PQflush(pg->conn) == 1) usleep(1000);
}

void pg_fail_within(struct pg *pg, const char *point)
{
    fail_after(point, push_added, pg);
}
