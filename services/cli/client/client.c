#include "client.h"

#include "net/bus.h"
#include "base/loop.h"
#include "cli/world/keyring.h"
#include "base/log.h"
#include "data/pack.h"
#include "net/peers.h"
#include "cli/world/run_file.h"
#include "cli/world/run_lock.h"
#include "runtime.msg.h"
#include "base/uuid.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SERVICES_MAX = 16,
    ATTEMPT_MS = 5000,
    BACKOFF_MS = 20,
    BACKOFF_MAX_MS = 500,
    LOOK_UP_MS = 1000,
    LOOK_UP_PAUSE_MS = 5,
    STEP_SHOWN_MAX = 100 /* bytes of a step that stand in an id as they are */
};

struct service {
    struct client *client;
    const char *name;
    const char *endpoint; /* of its first replica in run.json, or of all */
    struct peers *peers;
};

struct client {
    struct arena *arena;
    const struct run_file *run;
    struct keys *keys;
    struct bus *bus;
    struct service services[SERVICES_MAX];
    size_t n;
    struct asking *first; /* questions without a reply … */
    size_t open;          /* … and how many they are */
    size_t wanted;        /* client_wait() ends at so many */
    bool closing;
    char prefix[UUID_SIZE];
    int64_t count;
};

/* One question until it is replied to. */
struct asking {
    struct asking *next, **at; /* among those of the client */
    struct client *client;
    struct service *service;
    int replica;
    const struct shape *shape;
    struct buf frame;
    char *id;
    int64_t until_ms, pause_ms;
    struct loop_timer timer;
    void (*fn)(void *ctx, const struct reply *reply);
    void *ctx;
};

/* --- who is there --- */

static text id_of(void *ctx, text frame)
{
    (void)ctx;
    return pack_find_id(frame);
}

static void say_hello(void *ctx, struct buf *frame, struct buf *id)
{
    struct service *service = ctx;
    struct runtime_hello hello = {text_of(service->name)};
    struct buf body = {0};
    buf_printf(id, "hello/%lld", (long long)++service->client->count);
    struct header header = {.id = buf_text(id), .type = TEXT("runtime.hello"), .version = 1};
    pack_write(&body, &runtime_hello_shape, &hello);
    pack_envelope(frame, VERB_QUERY, &header, buf_text(&body));
    buf_finish(&body);
}

static bool welcome(void *ctx, const char *address, text frame)
{
    struct envelope envelope;
    struct arena *arena = arena_create();
    (void)ctx, (void)address;
    bool good = pack_scan(frame, &pack_limits_inside, NULL) == 0 &&
                pack_open(frame, arena, &envelope, NULL) == 0 && envelope.verb == VERB_ANSWER;
    arena_destroy(arena);
    return good;
}

/* "tcp://routing:7102": behind a name there may be any number of replicas. */
static bool is_name(text endpoint)
{
    char number[80];
    struct in_addr address;
    text rest = {endpoint.at + strlen("tcp://"), endpoint.len - strlen("tcp://")};
    text host = text_take(&rest, ':');
    snprintf(number, sizeof(number), "%.*s", TEXT_ARG(host));
    return inet_pton(AF_INET, number, &address) != 1;
}

/* All its replicas: "static:127.0.0.1:7101,127.0.0.1:7111", or the name that stands for them. */
static int connect_to(struct client *client, struct service *service, struct err *err)
{
    struct peers_hooks hooks = {
        .id_of = id_of, .hello = say_hello, .welcome = welcome, .ctx = service};
    struct buf spec = {0};
    for (size_t i = 0; i < client->run->children.n; i++) {
        const struct run_child *child = &LIST(client->run->children, struct run_child)[i];
        if (!text_is(child->service, service->name)) continue;
        if (is_name(child->endpoint)) {
            buf_clear(&spec);
            buf_add_text(&spec, child->endpoint);
            break;
        }
        buf_printf(&spec, "%s%s",
                   spec.len > 0 ? "," : "static:", child->endpoint.at + strlen("tcp://"));
    }
    service->peers = peers_create(client->bus, service->name, buf_text(&spec).at, &hooks, err);
    buf_finish(&spec);
    return service->peers == NULL ? -1 : 0;
}

static int connect_all(struct client *client, struct err *err)
{
    for (size_t i = 0; i < client->run->children.n; i++) {
        const struct run_child *child = &LIST(client->run->children, struct run_child)[i];
        if (!text_starts(child->endpoint, "tcp://"))
            return err_set(err, "run.json: '%s' is no endpoint", child->endpoint.at);
        if (client_service(client, child->service.at) >= 0) continue;
        if (client->n == SERVICES_MAX) return err_set(err, "run.json names too many services");
        struct service *service = &client->services[client->n++];
        *service = (struct service){
            .client = client, .name = child->service.at, .endpoint = child->endpoint.at};
        if (connect_to(client, service, err) < 0) return -1;
    }
    return 0;
}

/* The number of replicas is unknown before names have been looked up. */
static void wait_for_names(struct client *client)
{
    int64_t until = loop_now_ms() + LOOK_UP_MS;
    for (size_t i = 0; i < client->n; i++)
        while (peers_n(client->services[i].peers) == 0 && loop_now_ms() < until)
            client_sleep(client, LOOK_UP_PAUSE_MS);
}

/* A run file left by a killed supervisor says nothing any more. */
static const struct run_file *read_run_file(const char *dir, struct arena *arena, struct err *err)
{
    const struct run_file *run = run_file_read(dir, arena, err);
    if (run == NULL || run->supervisor == 0 || run_lock_look(dir, NULL) != RUN_LOCK_FREE)
        return run;
    err_set(err,
            "nothing is running in %s any more: its supervisor was killed (kefu up starts it"
            " again, kefu down ends what is left)",
            dir);
    return NULL;
}

struct client *client_open(const char *dir, struct err *err)
{
    struct client *client = mem_alloc(sizeof(*client));
    log_start("kefu", "", LOG_ERROR);
    client->arena = arena_create();
    client->wanted = SIZE_MAX;
    uuid_new(client->prefix);
    client->run = read_run_file(dir, client->arena, err);
    if (client->run != NULL) client->keys = keyring_open(dir, err);
    if (client->keys != NULL) client->bus = bus_create(client->keys);
    bool ready = client->run != NULL && client->bus != NULL;
    if (!ready || connect_all(client, err) < 0) {
        client_close(client);
        return NULL;
    }
    wait_for_names(client);
    return client;
}

static void end_all(struct client *client);

void client_close(struct client *client)
{
    if (client == NULL) return;
    end_all(client);
    for (size_t i = 0; i < client->n; i++) peers_destroy(client->services[i].peers);
    if (client->bus != NULL) bus_destroy(client->bus);
    loop_finish();
    keys_destroy(client->keys);
    arena_destroy(client->arena);
    free(client);
}

const struct run_file *client_run(const struct client *client)
{
    return client->run;
}

struct bus *client_bus(struct client *client)
{
    return client->bus;
}

size_t client_services(const struct client *client)
{
    return client->n;
}

const char *client_service_name(const struct client *client, size_t service)
{
    return client->services[service].name;
}

int client_service(const struct client *client, const char *name)
{
    for (size_t i = 0; i < client->n; i++)
        if (strcmp(client->services[i].name, name) == 0) return (int)i;
    return -1;
}

size_t client_replicas(const struct client *client, size_t service)
{
    size_t n = peers_n(client->services[service].peers);
    return n > 0 ? n : 1;
}

const char *client_address(const struct client *client, size_t service, size_t replica)
{
    const struct service *s = &client->services[service];
    return replica < peers_n(s->peers) ? peers_address(s->peers, replica) : s->endpoint;
}

/* --- asking --- */

static void end_asking(struct asking *asking, const struct reply *reply)
{
    struct client *client = asking->client;
    *asking->at = asking->next;
    if (asking->next != NULL) asking->next->at = asking->at;
    loop_timer_stop(&asking->timer);
    client->open--;
    asking->fn(asking->ctx, reply);
    if (client->open <= client->wanted) loop_stop();
    buf_finish(&asking->frame);
    free(asking->id);
    free(asking);
}

static void on_reply(void *ctx, enum peers_status status, text frame);

/* A message beyond the limit may be one that no service reads far enough to answer. */
static void refuse_size(void *ctx)
{
    struct asking *asking = ctx;
    struct reply reply = {.kind = REPLY_REFUSED};
    err_set(&reply.err, "the message has %zu bytes, at most %zu are allowed", asking->frame.len,
            pack_limits_outside.bytes);
    end_asking(asking, &reply);
}

static void try_now(void *ctx)
{
    struct asking *asking = ctx;
    int64_t left = asking->until_ms - loop_now_ms();
    peers_ask(asking->service->peers, asking->replica, buf_text(&asking->frame),
              text_of(asking->id),
              left > ATTEMPT_MS ? ATTEMPT_MS
              : left < 1        ? 1
                                : left,
              on_reply, asking);
}

static bool try_again(struct asking *asking)
{
    if (loop_now_ms() + asking->pause_ms >= asking->until_ms) return false;
    loop_timer_start(&asking->timer, loop_jitter(asking->pause_ms), 0, try_now, asking);
    asking->pause_ms =
        asking->pause_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : asking->pause_ms * 2;
    return true;
}

static void read_refusal(text body, struct arena *arena, struct err *err)
{
    const struct refusal *refusal = pack_read(body, &refusal_shape, arena, err);
    if (refusal != NULL)
        err_field(err, refusal->field.at, refusal->rule.at, "%.*s", TEXT_ARG(refusal->message));
}

/* The reply in the frame. */
static struct reply read_reply(const struct asking *asking, text frame, struct arena *arena)
{
    struct reply reply = {.kind = REPLY_REFUSED};
    struct envelope envelope;
    if (pack_scan(frame, &pack_limits_inside, &reply.err) < 0 ||
        pack_open(frame, arena, &envelope, &reply.err) < 0)
        return reply;
    if (envelope.verb != VERB_ANSWER) {
        reply.kind = envelope.verb == VERB_RETRY ? REPLY_AGAIN : REPLY_REFUSED;
        read_refusal(envelope.body, arena, &reply.err);
        return reply;
    }
    reply.body = pack_read(envelope.body, asking->shape->answer, arena, &reply.err);
    if (reply.body != NULL) reply.kind = REPLY_ANSWERED;
    return reply;
}

static void on_reply(void *ctx, enum peers_status status, text frame)
{
    struct asking *asking = ctx;
    struct arena *arena = arena_create();
    struct reply reply = {.kind = REPLY_UNREACHABLE};
    if (status == PEERS_ANSWERED)
        reply = read_reply(asking, frame, arena);
    else
        err_set(&reply.err, "%s does not answer", asking->service->name);
    bool again = reply.kind == REPLY_AGAIN || reply.kind == REPLY_UNREACHABLE;
    if (status == PEERS_CLOSED) reply.kind = REPLY_CLOSED;
    if (!again || status == PEERS_CLOSED || !try_again(asking)) end_asking(asking, &reply);
    arena_destroy(arena);
}

/* Questions on their way, and questions that wait to be asked (again): no timer outlives the
   client. */
static void end_all(struct client *client)
{
    struct reply reply = {.kind = REPLY_CLOSED};
    err_set(&reply.err, "the program ends");
    client->closing = true;
    for (size_t i = 0; i < client->n; i++) peers_destroy(client->services[i].peers);
    while (client->first != NULL) end_asking(client->first, &reply);
}

/* The id covers the content: two files that say different things in one step never share an id. */
static char *make_step_id(const struct question *question, text body)
{
    char id[STEP_SHOWN_MAX + 20];
    text shown = text_cut(question->step, STEP_SHOWN_MAX);
    uint64_t hash = text_hash_more(TEXT_HASH_START, question->step);
    hash = text_hash_more(hash, text_of(question->shape->name));
    hash = text_hash_more(hash, question->actor);
    hash = text_hash_end(text_hash_more(hash, body));
    snprintf(id, sizeof(id), "%.*s/%016" PRIx64, TEXT_ARG(shown), hash);
    return mem_string(text_of(id));
}

static char *make_id(struct client *client, const struct question *question, text body)
{
    char id[UUID_SIZE + 24];
    if (question->id.len > 0) return mem_string(question->id);
    if (question->step.len > 0) return make_step_id(question, body);
    snprintf(id, sizeof(id), "%s/%lld", client->prefix, (long long)++client->count);
    return mem_string(text_of(id));
}

static void write_frame(struct asking *asking, const struct question *question)
{
    struct buf body = {0};
    pack_write(&body, question->shape, question->body);
    asking->id = make_id(asking->client, question, buf_text(&body));
    bool command = question->shape->kind == SHAPE_COMMAND;
    struct header header = {.id = text_of(asking->id),
                            .type = text_of(question->shape->name),
                            .version = question->shape->version,
                            .time = question->at,
                            .actor = question->actor};
    pack_envelope(&asking->frame, command ? VERB_COMMAND : VERB_QUERY, &header, buf_text(&body));
    buf_finish(&body);
}

void client_ask(struct client *client, const struct question *question,
                void (*fn)(void *ctx, const struct reply *reply), void *ctx)
{
    struct asking *asking = mem_alloc(sizeof(*asking));
    assert(question->service >= 0 && (size_t)question->service < client->n);
    *asking = (struct asking){.client = client,
                              .service = &client->services[question->service],
                              .replica = question->replica,
                              .shape = question->shape,
                              .until_ms = loop_now_ms() + question->patience_ms,
                              .pause_ms = BACKOFF_MS,
                              .fn = fn,
                              .ctx = ctx,
                              .next = client->first,
                              .at = &client->first};
    write_frame(asking, question);
    if (client->first != NULL) client->first->at = &asking->next;
    client->first = asking;
    client->open++;
    if (client->closing) return; /* client_close() comes to it */
    if (asking->frame.len > pack_limits_outside.bytes)
        loop_timer_start(&asking->timer, 0, 0, refuse_size, asking);
    else if (question->delay_ms > 0)
        loop_timer_start(&asking->timer, question->delay_ms, 0, try_now, asking);
    else
        try_now(asking);
}

void client_wait(struct client *client, size_t open)
{
    client->wanted = open;
    while (client->open > open) loop_run();
    client->wanted = SIZE_MAX;
}

static void wake(void *ctx)
{
    *(bool *)ctx = true;
    loop_stop();
}

void client_sleep(struct client *client, int64_t ms)
{
    struct loop_timer timer = {0};
    bool over = false;
    (void)client;
    loop_timer_start(&timer, ms, 0, wake, &over);
    while (!over) loop_run();
}

struct call {
    const struct shape *shape;
    struct arena *arena;
    struct reply reply;
    bool over;
};

/* The reply dies with its frame: keep it by writing and reading it once more. */
static void keep(void *ctx, const struct reply *reply)
{
    struct call *call = ctx;
    struct buf bytes = {0};
    call->reply = *reply;
    call->over = true;
    loop_stop();
    if (reply->kind != REPLY_ANSWERED) return;
    pack_write(&bytes, call->shape->answer, reply->body);
    call->reply.body =
        pack_read(buf_text(&bytes), call->shape->answer, call->arena, &call->reply.err);
    assert(call->reply.body != NULL);
    buf_finish(&bytes);
}

struct reply client_call(struct client *client, const struct question *question,
                         struct arena *arena)
{
    struct call call = {.shape = question->shape, .arena = arena};
    client_ask(client, question, keep, &call);
    while (!call.over) loop_run();
    return call.reply;
}
