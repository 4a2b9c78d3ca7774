#include "runtime/door/query.h"

#include "base/log.h"
#include "db/pg_queue.h"
#include "net/gate.h"
#include "runtime/core/overdue.h"
#include "runtime/core/reply.h"
#include "runtime/core/tables.h"
#include "runtime.msg.h"

#include <stdlib.h>
#include <string.h>

/* Queries: one after the other, each in a read-only transaction with one snapshot. */

enum { COMPILED_MAX = 128 };

static struct workline *line;

struct asked {
    const struct handler *handler;
    struct bus_request *request;
    struct arena *arena;
    struct header header;
    const void *body;
    struct pg *pg;
    struct sql *sqls[HANDLER_LOADS];
    int results[HANDLER_LOADS];
    int n, opening;
    int64_t since_ms; /* when it came */
};

static struct sql *compiled(const struct statement *statement, const struct shape *message)
{
    static struct {
        const struct statement *statement;
        const struct shape *message;
        struct sql *sql;
    } known[COMPILED_MAX];
    for (size_t i = 0; i < COMPILED_MAX; i++) {
        if (known[i].sql == NULL) {
            known[i].statement = statement;
            known[i].message = message;
            known[i].sql = sql_compile(statement, message);
        }
        if (known[i].statement == statement && known[i].message == message) return known[i].sql;
    }
    assert(!"room for every query");
    return NULL;
}

static void finish(struct asked *asked)
{
    arena_destroy(asked->arena);
    free(asked);
}

static int64_t no_id(void *ctx, int partition, time_us now)
{
    (void)ctx, (void)partition, (void)now;
    return 0;
}

/* Of the policy in force. */
static int64_t version_of(const struct asked *asked)
{
    return pg_int(pg_result(asked->pg, asked->opening), 0, 1);
}

static int decide(struct asked *asked, struct err *err)
{
    struct facts facts = {.n = (size_t)asked->n};
    struct plan_host host = {no_id, runtime_policy_of, NULL};
    struct plan_inside inside = {.host = &host, .answer_shape = asked->handler->hears->answer};
    struct plan plan = {.now = pg_int(pg_result(asked->pg, asked->opening), 0, 0),
                        .header = &asked->header,
                        .principal = gate_name(asked->request),
                        .principal_role = gate_role(asked->request),
                        .arena = asked->arena,
                        .policy_version = version_of(asked)};
    plan.policy = policy_known(plan.policy_version);
    for (int i = 0; i < asked->n; i++) {
        facts.slices[i].statement = asked->handler->loads[i].statement;
        const PGresult *result = pg_result(asked->pg, asked->results[i]);
        if (sql_read(asked->sqls[i], result, asked->arena, &facts.slices[i].rows, err) < 0)
            return -1;
    }
    plan_start(&plan, &inside);
    asked->handler->decide(&plan, asked->body, &facts);
    if (inside.verdict != PLAN_GOOD) {
        *err = inside.refusal;
        return -1;
    }
    if (!inside.answered) return err_set(err, "the query gave no answer");
    struct buf frame = {0};
    struct header header = {
        .id = asked->header.id, .type = text_of(asked->handler->hears->answer->name), .version = 1};
    pack_envelope(&frame, VERB_ANSWER, &header, inside.answer);
    bus_reply(asked->request, buf_text(&frame));
    buf_finish(&frame);
    return 0;
}

static void rolled_back(void *ctx, const struct pg_trip *trip)
{
    (void)trip;
    workline_next(line);
    finish(ctx);
}

static void start(void *ctx, struct pg *pg);

static void send_back(struct asked *asked, const char *why)
{
    struct err err;
    err_set(&err, "%s", why);
    reply_refuse(asked->request, VERB_RETRY, asked->header.id, &err);
    finish(asked);
}

static bool is_query_late(void *ctx)
{
    const struct asked *asked = ctx;
    return overdue(asked->header.deadline, asked->since_ms);
}

static void give_up_query(void *ctx)
{
    struct asked *asked = ctx;
    overdue_answer(asked->request, asked->header.id, asked->header.deadline, false);
    finish(asked);
}

static void policy_arrived(void *ctx, bool known)
{
    if (known)
        workline_add_until(line, start, is_query_late, give_up_query, ctx);
    else
        send_back(ctx, "the policy in force is not known here yet");
}

/* Its version was published elsewhere a moment ago: once it is known the query is run anew. */
static void wait_for_policy(struct asked *asked, int64_t version)
{
    if (version == 0)
        send_back(asked, "no policy is published yet");
    else
        policy_need(version, policy_arrived, asked);
}

static void done(void *ctx, const struct pg_trip *trip)
{
    struct asked *asked = ctx;
    struct err err;
    if (trip->outcome != PG_OK) {
        err_set(&err, "the database said: %s", trip->message);
        reply_refuse(asked->request, trip->outcome == PG_TRANSIENT ? VERB_RETRY : VERB_REFUSED,
                     asked->header.id, &err);
        if (!trip->lost)
            log_warn("query_failed", "type=%s reason=%s", log_text(asked->header.type),
                     log_quoted(trip->message));
        if (!trip->lost) {
            pg_add_text(asked->pg, "ROLLBACK");
            pg_run(asked->pg, rolled_back, asked);
            return;
        }
    } else if (!policy_usable(version_of(asked))) {
        workline_next(line);
        wait_for_policy(asked, version_of(asked));
        return;
    } else if (decide(asked, &err) < 0) {
        reply_refuse(asked->request, VERB_REFUSED, asked->header.id, &err);
    }
    workline_next(line);
    finish(asked);
}

static void start(void *ctx, struct pg *pg)
{
    struct asked *asked = ctx;
    const struct load *loads = asked->handler->loads;
    asked->pg = pg;
    pg_add_text(pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    asked->opening = pg_add(pg, &statement_opening, NULL, 0);
    for (asked->n = 0; asked->n < HANDLER_LOADS && loads[asked->n].statement != NULL; asked->n++) {
        const struct load *load = &loads[asked->n];
        struct sql *sql = compiled(load->statement, asked->handler->hears);
        struct sql_key *keys = NULL;
        size_t n = 0;
        if (load->with != NULL && load->with[0] == '#') {
            keys = ARENA_NEW(asked->arena, struct sql_key);
            keys[0].number = asked->handler->number(asked->body);
            n = keys[0].number != 0;
        } else if (load->with != NULL) {
            const struct field *field = shape_field(asked->handler->hears, text_of(load->with));
            bool list = field->flags & FIELD_LIST;
            struct list values = {(const char *)asked->body + field->offset, 1};
            if (list) memcpy(&values, (const char *)asked->body + field->offset, sizeof(values));
            keys = ARENA_ARRAY(asked->arena, struct sql_key, values.n + 1);
            for (n = 0; n < values.n; n++) {
                if (sql_keys_are_numbers(sql))
                    keys[n].number = LIST(values, int64_t)[n];
                else
                    keys[n].word = LIST(values, text)[n];
            }
        }
        asked->sqls[asked->n] = sql;
        asked->results[asked->n] = sql_add_keys(pg, sql, keys, n, asked->body);
    }
    pg_add_text(pg, "COMMIT");
    pg_run(pg, done, asked);
}

void query_handle(const struct handler *handler, struct bus_request *request,
                  const struct envelope *envelope)
{
    struct asked *asked = mem_alloc(sizeof(*asked));
    struct err err;
    asked->arena = arena_create();
    asked->handler = handler;
    asked->request = request;
    asked->header = envelope->header;
    asked->header.id = arena_text(asked->arena, envelope->header.id);
    asked->header.type = arena_text(asked->arena, envelope->header.type);
    asked->header.actor = arena_text(asked->arena, envelope->header.actor);
    asked->header.key = asked->header.trace = asked->header.cause = (text){0};
    asked->body = pack_read(envelope->body, handler->hears, asked->arena, &err);
    assert(asked->body != NULL); /* it was read once already */
    asked->since_ms = loop_now_ms();
    workline_add_until(line, start, is_query_late, give_up_query, asked);
}

void query_start(void)
{
    line = workline_create(runtime.settings.database, runtime_setup());
}

void query_stop(void)
{
    workline_destroy(line);
    line = NULL;
}
