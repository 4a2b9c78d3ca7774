#include "net/bus.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/loop.h"
#include "net/wire.h"

enum {
    TOPIC_SIZE = 200, /* beyond 245 bytes libzmq 4.3.4 encodes subscriptions wrongly */
    HELD_BYTES = 64 << 20,
    HELD_RETRY_MS = 5,
    HELD_PATIENCE_MS = 10000,
    BACK_OFF_LEAST_MS = 100,
    BACK_OFF_MOST_MS = 5000,
    CONNECT_PATIENCE_MS = 8000,
    REBIND_MS = 20
};

struct bus {
    struct wire *wire;
    struct bus_publisher *publishers;
};

struct bus *bus_create(struct keys *keys)
{
    struct bus *bus = mem_alloc(sizeof(*bus));
    bus->wire = wire_create(keys);
    return bus;
}

int bus_guard(struct bus *bus, struct err *err)
{
    return wire_guard(bus->wire, err);
}

void bus_destroy(struct bus *bus)
{
    if (bus == NULL) return;
    wire_destroy(bus->wire);
    free(bus);
}

/* Servers. An answer that does not fit into its client's queue is held for a while. */

struct held {
    struct held *next;
    int64_t until_ms;
    size_t peer_len, frame_len;
    char bytes[]; /* peer, frame */
};

struct bus_server {
    struct wire_socket *socket; /* NULL once closed */
    void (*fn)(void *ctx, struct bus_request *request, text frame);
    void *ctx;
    size_t in_flight;
    uint64_t lost;
    struct held *held;
    size_t held_bytes;
    struct loop_timer retry;
};

struct bus_request {
    struct bus_server *server;
    char user[KEY_SIZE];
    void *tag;
    void (*untag)(void *tag);
    size_t peer_len;
    char peer[];
};

static void on_request(void *ctx, const struct wire_message *message)
{
    struct bus_server *server = ctx;
    if (message->n != 2 || message->user.len >= KEY_SIZE)
        return; /* not one of ours: a message is one frame */
    text peer = message->part[0];
    struct bus_request *request = mem_alloc(sizeof(*request) + peer.len);
    request->server = server;
    memcpy(request->user, message->user.len > 0 ? message->user.at : "", message->user.len);
    request->peer_len = peer.len;
    memcpy(request->peer, peer.at, peer.len);
    server->in_flight++;
    server->fn(server->ctx, request, message->part[1]);
}

struct bus_server *bus_serve(struct bus *bus, const char *endpoint,
                             void (*fn)(void *ctx, struct bus_request *request, text frame),
                             void *ctx, struct err *err)
{
    struct bus_server *server = mem_alloc(sizeof(*server));
    *server = (struct bus_server){.fn = fn, .ctx = ctx};
    struct wire_hooks hooks = {.on_message = on_request, .ctx = server};
    struct wire_place place = {.endpoint = endpoint};
    server->socket = wire_open(bus->wire, WIRE_SERVER, &place, &hooks, err);
    if (server->socket != NULL) return server;
    free(server);
    return NULL;
}

static enum wire_sent send_answer(struct bus_server *server, text peer, text frame)
{
    text parts[] = {peer, frame};
    enum wire_sent sent = wire_send(server->socket, parts, COUNT(parts));
    if (sent == WIRE_GONE) server->lost++;
    return sent;
}

static bool settle_held(struct bus_server *server, const struct held *held, int64_t now)
{
    text peer = {held->bytes, held->peer_len},
         frame = {held->bytes + held->peer_len, held->frame_len};
    if (send_answer(server, peer, frame) != WIRE_BUSY) return true;
    if (held->until_ms > now) return false;
    server->lost++;
    return true;
}

static void retry_held(void *ctx)
{
    struct bus_server *server = ctx;
    int64_t now = loop_now_ms();
    for (struct held **at = &server->held; *at != NULL;) {
        struct held *held = *at;
        if (!settle_held(server, held, now)) {
            at = &held->next;
            continue;
        }
        *at = held->next;
        server->held_bytes -= held->frame_len;
        free(held);
    }
    if (server->held == NULL) loop_timer_stop(&server->retry);
}

static void hold(struct bus_server *server, text peer, text frame)
{
    if (server->held_bytes + frame.len > HELD_BYTES) {
        server->lost++;
        return;
    }
    struct held *held = mem_alloc(sizeof(*held) + peer.len + frame.len);
    *held = (struct held){server->held, loop_now_ms() + HELD_PATIENCE_MS, peer.len, frame.len};
    memcpy(held->bytes, peer.at, peer.len);
    if (frame.len > 0) memcpy(held->bytes + peer.len, frame.at, frame.len);
    server->held = held;
    server->held_bytes += frame.len;
    if (!loop_timer_runs(&server->retry)) {
        loop_timer_start(&server->retry, HELD_RETRY_MS, HELD_RETRY_MS, retry_held, server);
    }
}

/* A closed server is kept until its last request has ended. */
static void let_go(struct bus_server *server)
{
    if (server->socket == NULL && server->in_flight == 0) loop_soon(free, server);
}

void bus_server_close(struct bus_server *server)
{
    if (server == NULL) return;
    loop_timer_stop(&server->retry);
    for (struct held *held = server->held, *next; held != NULL; held = next) {
        next = held->next;
        free(held);
    }
    server->held = NULL;
    wire_close(server->socket);
    server->socket = NULL;
    let_go(server);
}

const char *bus_server_endpoint(const struct bus_server *server)
{
    return wire_endpoint(server->socket);
}

void bus_server_pause(struct bus_server *server)
{
    wire_pause(server->socket, true);
}

void bus_server_resume(struct bus_server *server)
{
    wire_pause(server->socket, false);
}

size_t bus_server_in_flight(const struct bus_server *server)
{
    return server->in_flight;
}

uint64_t bus_server_lost(const struct bus_server *server)
{
    return server->lost;
}

text bus_request_user(const struct bus_request *request)
{
    return text_of(request->user);
}

void bus_request_tag(struct bus_request *request, void *tag, void (*fn)(void *tag))
{
    request->tag = tag;
    request->untag = fn;
}

void *bus_request_tagged(const struct bus_request *request)
{
    return request->tag;
}

void bus_drop(struct bus_request *request)
{
    struct bus_server *server = request->server;
    server->in_flight--;
    if (request->untag != NULL) request->untag(request->tag);
    free(request);
    let_go(server);
}

void bus_reply(struct bus_request *request, text frame)
{
    struct bus_server *server = request->server;
    text peer = {request->peer, request->peer_len};
    if (server->socket != NULL && send_answer(server, peer, frame) == WIRE_BUSY)
        hold(server, peer, frame);
    bus_drop(request);
}

/* Links: a connection that is made again after every loss, because libzmq itself gives up after a failed handshake. */

struct bus_link {
    struct bus *bus;
    char *address;
    char *service;
    enum wire_kind kind;
    char *topic; /* of a subscriber */
    void (*on_message)(struct bus_link *link, const struct wire_message *message);
    struct bus_link_hooks hooks;
    struct wire_socket *socket; /* NULL while backing off, and once closed */
    struct loop_timer timer;    /* backing off, or watching that a connection comes about */
    int64_t back_off_ms;
    bool up;
};

static int connect_link(struct bus_link *link, struct err *err);

static void reconnect(void *ctx)
{
    struct bus_link *link = ctx;
    struct err err;
    if (connect_link(link, &err) == 0) return;
    log_warn("connect_failed", "reason=%s", log_quoted(err.message));
    bus_link_restart(link, BACK_OFF_MOST_MS);
}

void bus_link_restart(struct bus_link *link, int64_t ms)
{
    wire_close(link->socket);
    link->socket = NULL;
    link->up = false;
    loop_timer_start(&link->timer, loop_jitter(ms), 0, reconnect, link);
}

static void back_off(void *ctx)
{
    struct bus_link *link = ctx;
    bool was_up = link->up;
    bus_link_restart(link, link->back_off_ms);
    link->back_off_ms =
        link->back_off_ms * 2 > BACK_OFF_MOST_MS ? BACK_OFF_MOST_MS : link->back_off_ms * 2;
    if (was_up && link->hooks.on_down != NULL) link->hooks.on_down(link->hooks.ctx);
}

static void watch_connecting(struct bus_link *link)
{
    loop_timer_start(&link->timer, CONNECT_PATIENCE_MS, 0, back_off, link);
}

static void on_link_event(void *ctx, enum wire_event event)
{
    struct bus_link *link = ctx;
    switch (event) {
    case WIRE_CONNECTED:
        loop_timer_stop(&link->timer);
        link->up = true;
        if (link->hooks.on_up != NULL) link->hooks.on_up(link->hooks.ctx);
        break;
    case WIRE_RETRYING: watch_connecting(link); break;
    case WIRE_LOST: back_off(link); break;
    case WIRE_WRITABLE:
        if (link->up && link->hooks.on_writable != NULL) link->hooks.on_writable(link->hooks.ctx);
        break;
    }
}

static void on_link_message(void *ctx, const struct wire_message *message)
{
    struct bus_link *link = ctx;
    link->back_off_ms = BACK_OFF_LEAST_MS; /* somebody who speaks our language is there */
    link->on_message(link, message);
}

static int connect_link(struct bus_link *link, struct err *err)
{
    struct wire_hooks hooks = {
        .on_message = on_link_message, .on_event = on_link_event, .ctx = link};
    struct wire_place place = {link->address, link->service, text_of(link->topic)};
    link->socket = wire_open(link->bus->wire, link->kind, &place, &hooks, err);
    if (link->socket == NULL) return -1;
    watch_connecting(link);
    return 0;
}

static struct bus_link *create_link(struct bus *bus, enum wire_kind kind, const char *address,
                                    const char *service, text topic)
{
    struct bus_link *link = mem_alloc(sizeof(*link));
    link->bus = bus;
    link->kind = kind;
    link->address = mem_string(text_of(address));
    link->service = mem_string(text_of(service));
    link->topic = mem_string(topic);
    link->back_off_ms = BACK_OFF_LEAST_MS;
    return link;
}

static void on_frame(struct bus_link *link, const struct wire_message *message)
{
    if (message->n == 1 && link->hooks.on_frame != NULL)
        link->hooks.on_frame(link->hooks.ctx, message->part[0]);
}

struct bus_link *bus_link_open(struct bus *bus, const char *address, const char *service,
                               const struct bus_link_hooks *hooks, struct err *err)
{
    struct bus_link *link = create_link(bus, WIRE_CLIENT, address, service, TEXT(""));
    link->hooks = *hooks;
    link->on_message = on_frame;
    if (connect_link(link, err) == 0) return link;
    bus_link_close(link);
    return NULL;
}

void bus_link_close(struct bus_link *link)
{
    if (link == NULL) return;
    loop_timer_stop(&link->timer);
    wire_close(link->socket);
    link->socket = NULL;
    link->up = false;
    free(link->address);
    free(link->service);
    free(link->topic);
    loop_soon(free, link); /* we may be inside one of its hooks */
}

bool bus_link_up(const struct bus_link *link)
{
    return link->up;
}

bool bus_link_send(struct bus_link *link, text frame)
{
    return link->up && wire_send(link->socket, &frame, 1) == WIRE_SENT;
}

/* Publishing */

struct bus_publisher {
    struct bus *bus;
    struct bus_publisher *next;
    struct wire_socket *socket; /* NULL while it is bound anew, and once closed */
    char *endpoint;
    struct loop_timer rebind;
    void (*on_subscribe)(void *ctx, text prefix);
    void *ctx;
};

static void on_subscription(void *ctx, const struct wire_message *message)
{
    struct bus_publisher *publisher = ctx;
    text said = message->part[0];
    if (message->n != 1 || said.len == 0 || said.at[0] != 1 || said.len > TOPIC_SIZE) return;
    publisher->on_subscribe(publisher->ctx, (text){said.at + 1, said.len - 1});
}

static int bind_publisher(struct bus_publisher *publisher, const char *endpoint, struct err *err)
{
    struct wire_hooks hooks = {.on_message = on_subscription, .ctx = publisher};
    struct wire_place place = {.endpoint = endpoint};
    publisher->socket = wire_open(publisher->bus->wire, WIRE_PUBLISHER, &place, &hooks, err);
    return publisher->socket == NULL ? -1 : 0;
}

struct bus_publisher *bus_publish_open(struct bus *bus, const char *endpoint,
                                       void (*on_subscribe)(void *ctx, text prefix), void *ctx,
                                       struct err *err)
{
    struct bus_publisher *publisher = mem_alloc(sizeof(*publisher));
    *publisher = (struct bus_publisher){.bus = bus, .on_subscribe = on_subscribe, .ctx = ctx};
    if (bind_publisher(publisher, endpoint, err) < 0) {
        free(publisher);
        return NULL;
    }
    publisher->endpoint = mem_string(text_of(wire_endpoint(publisher->socket)));
    publisher->next = bus->publishers;
    bus->publishers = publisher;
    return publisher;
}

void bus_publish_close(struct bus_publisher *publisher)
{
    if (publisher == NULL) return;
    struct bus_publisher **at = &publisher->bus->publishers;
    while (*at != publisher) at = &(*at)->next;
    *at = publisher->next;
    loop_timer_stop(&publisher->rebind);
    wire_close(publisher->socket);
    free(publisher->endpoint);
    loop_soon(free, publisher);
}

/* The old socket gives its port back a moment after it was closed. */
static void rebind(void *ctx)
{
    struct bus_publisher *publisher = ctx;
    struct err err;
    if (bind_publisher(publisher, publisher->endpoint, &err) == 0) return;
    loop_timer_start(&publisher->rebind, REBIND_MS, 0, rebind, publisher);
}

void bus_cut_subscribers(struct bus *bus)
{
    for (struct bus_publisher *publisher = bus->publishers; publisher != NULL;
         publisher = publisher->next) {
        wire_close(publisher->socket);
        publisher->socket = NULL;
        loop_timer_start(&publisher->rebind, REBIND_MS, 0, rebind, publisher);
    }
}

const char *bus_publish_endpoint(const struct bus_publisher *publisher)
{
    return publisher->endpoint;
}

void bus_publish(struct bus_publisher *publisher, text topic, text frame)
{
    assert(topic.len < TOPIC_SIZE);
    text parts[] = {topic, frame};
    if (publisher->socket == NULL || wire_send(publisher->socket, parts, COUNT(parts)) != WIRE_SENT)
        log_debug("publish_lost", "bytes=%zu", frame.len);
}

struct bus_subscription {
    struct bus_link *link;
    void (*fn)(void *ctx, text topic, text frame);
    void *ctx;
};

static void on_published(struct bus_link *link, const struct wire_message *message)
{
    struct bus_subscription *subscription = link->hooks.ctx;
    if (message->n == 2) subscription->fn(subscription->ctx, message->part[0], message->part[1]);
}

struct bus_subscription *bus_subscribe(struct bus *bus, const char *address, const char *service,
                                       text prefix, void (*fn)(void *ctx, text topic, text frame),
                                       void *ctx, struct err *err)
{
    assert(prefix.len < TOPIC_SIZE);
    struct bus_subscription *subscription = mem_alloc(sizeof(*subscription));
    *subscription = (struct bus_subscription){
        create_link(bus, WIRE_SUBSCRIBER, address, service, prefix), fn, ctx};
    subscription->link->hooks.ctx = subscription;
    subscription->link->on_message = on_published;
    if (connect_link(subscription->link, err) == 0) return subscription;
    bus_unsubscribe(subscription);
    return NULL;
}

void bus_unsubscribe(struct bus_subscription *subscription)
{
    if (subscription == NULL) return;
    bus_link_close(subscription->link);
    loop_soon(free, subscription);
}
