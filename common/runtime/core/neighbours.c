#include "base/log.h"
#include "runtime/core/runtime.h"
#include "runtime.msg.h"

#include <stdio.h>
#include <stdlib.h>

/* The other services: links to their replicas, and questions to them. */

static struct peers *others[SERVICES_MAX]; /* by the services' numbers */

/* --- settings --- */

struct settings_table peer_settings(struct arena *arena)
{
    struct setting *rows = ARENA_ARRAY(arena, struct setting, services_n);
    for (size_t i = 0; i < services_n; i++) {
        const struct service_entry *entry = &services_list[i];
        rows[i] =
            (struct setting){.name = arena_printf(arena, "peer-%s", entry->name).at,
                             .type = SETTING_PEER,
                             .at = &runtime.settings.peers[i],
                             .standard = arena_printf(arena, "static:127.0.0.1:%d", entry->port).at,
                             .max = 500,
                             .doc = arena_printf(arena, "Where %s is reached.", entry->name).at};
    }
    return (struct settings_table){rows, services_n};
}

/* --- links --- */

static text id_of(void *ctx, text frame)
{
    (void)ctx;
    return pack_find_id(frame);
}

static void say_hello(void *ctx, struct buf *frame, struct buf *id)
{
    static int64_t count;
    struct runtime_hello hello = {text_of(ctx)};
    struct buf body = {0};
    buf_printf(id, "hello/%lld", (long long)++count);
    struct header header = {.id = buf_text(id), .type = TEXT("runtime.hello"), .version = 1};
    pack_write(&body, &runtime_hello_shape, &hello);
    pack_envelope(frame, VERB_QUERY, &header, buf_text(&body));
    buf_finish(&body);
}

static bool welcome(void *ctx, const char *address, text frame)
{
    struct arena *arena = arena_create();
    struct envelope envelope;
    bool good = pack_scan(frame, &pack_limits_inside, NULL) == 0 &&
                pack_open(frame, arena, &envelope, NULL) == 0 && envelope.verb == VERB_ANSWER;
    if (!good) log_warn("wrong_peer", "service=%s address=%s", (const char *)ctx, address);
    arena_destroy(arena);
    return good;
}

struct peers *runtime_peers(const char *service)
{
    int n = services_number(text_of(service));
    struct err err;
    if (n < 0) return NULL;
    if (others[n] == NULL) {
        struct peers_hooks hooks = {.id_of = id_of,
                                    .hello = say_hello,
                                    .welcome = welcome,
                                    .ctx = (void *)(uintptr_t)services_list[n].name};
        others[n] = peers_create(runtime.bus, service, runtime.settings.peers[n], &hooks, &err);
        if (others[n] == NULL) fatal(NULL, "peer-%s: %s", service, err.message);
    }
    return others[n];
}

/* --- questions --- */

struct asking {
    void (*fn)(void *ctx, const void *answer, const struct err *err);
    void *ctx;
    const struct shape *answer;
};

static const void *read_answer(const struct asking *asking, text frame, struct arena *arena,
                               struct err *err)
{
    struct envelope envelope;
    if (pack_scan(frame, &pack_limits_inside, err) < 0 ||
        pack_open(frame, arena, &envelope, err) < 0)
        return NULL;
    if (envelope.verb == VERB_ANSWER) return pack_read(envelope.body, asking->answer, arena, err);
    const struct refusal *refusal = pack_read(envelope.body, &refusal_shape, arena, err);
    if (refusal != NULL) err_set(err, "%.*s", TEXT_ARG(refusal->message));
    return NULL;
}

static void on_answer(void *ctx, enum peers_status status, text frame)
{
    struct asking asking = *(struct asking *)ctx;
    struct arena *arena = arena_create();
    struct err err = {0};
    const void *answer = NULL;
    free(ctx);
    if (status == PEERS_ANSWERED)
        answer = read_answer(&asking, frame, arena, &err);
    else
        err_set(&err, "%s", status == PEERS_TIMED_OUT ? "no answer in time" : "not reachable");
    asking.fn(asking.ctx, answer, answer == NULL ? &err : NULL);
    arena_destroy(arena);
}

void service_ask(const char *service, const struct shape *query, const void *body, int timeout_ms,
                 void (*fn)(void *ctx, const void *answer, const struct err *err), void *ctx)
{
    static int64_t count;
    struct buf bytes = {0}, frame = {0};
    char id[120];
    struct asking *asking = mem_alloc(sizeof(*asking));
    *asking = (struct asking){fn, ctx, query->answer};
    snprintf(id, sizeof(id), "%s/ask/%lld", runtime.owner, (long long)++count);
    struct header header = {
        .id = text_of(id), .type = text_of(query->name), .version = query->version};
    pack_write(&bytes, query, body);
    pack_envelope(&frame, VERB_QUERY, &header, buf_text(&bytes));
    peers_ask(runtime_peers(service), PEERS_ANY, buf_text(&frame), header.id, timeout_ms, on_answer,
              asking);
    buf_finish(&bytes);
    buf_finish(&frame);
}

void others_stop(void)
{
    for (int i = 0; i < SOURCES_MAX; i++) peers_destroy(others[i]);
}
