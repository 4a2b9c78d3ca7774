#include "net/bus.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bucket.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "net/connection.h"
#include "net/listener.h"
#include "net/wire.h"

enum {
    TOPIC_SIZE = 200,        /* beyond 245 bytes libzmq 4.3.4 encodes subscriptions wrongly */
    SUBSCRIPTIONS_MAX = 256, /* of one connection */
    SUBSCRIPTIONS_RATE = 10, /* a second; SUBSCRIPTIONS_MAX at once */
    PUBLISHED_WAITING =
        1 << 20, /* bytes that a slow subscriber may leave before it misses frames */
    BACK_OFF_LEAST_MS = 100,
    BACK_OFF_MAX_MS = 5000,
    CONNECT_PATIENCE_MS = 8000
};

METRIC(missed, .name = "kefu_feed_missed_total", .type = METRIC_COUNTER,
       .help = "Frames that a subscriber missed because it was slow.");

struct bus {
    struct keys *keys;
    struct wire *wire;
    struct bus_server *servers;
    struct bus_publisher *publishers;
};

struct bus *bus_create(struct keys *keys)
{
    struct bus *bus = mem_alloc(sizeof(*bus));
    *bus = (struct bus){.keys = keys, .wire = wire_create(keys)};
    return bus;
}

void bus_destroy(struct bus *bus)
{
    if (bus == NULL) return;
    wire_destroy(bus->wire);
    free(bus);
}

/* Servers */

struct bus_server {
    struct bus *bus;
    struct bus_server *next;
    struct listener *listener; /* NULL once closed */
    void (*fn)(void *ctx, struct bus_request *request, text frame);
    void *ctx;
    size_t in_flight;
    uint64_t lost;
};

struct bus_request {
    struct bus_server *server;
    struct connection *from; /* held */
    void *tag;
    void (*untag)(void *tag);
};

static void on_request(void *ctx, struct connection *from, text message)
{
    struct bus_server *server = ctx;
    struct bus_request *request = mem_alloc(sizeof(*request));
    *request = (struct bus_request){.server = server, .from = from};
    connection_hold(from);
    server->in_flight++;
    server->fn(server->ctx, request, message);
}

struct bus_server *bus_serve(struct bus *bus, const char *endpoint,
                             void (*fn)(void *ctx, struct bus_request *request, text frame),
                             void *ctx, struct err *err)
{
    struct bus_server *server = mem_alloc(sizeof(*server));
    *server = (struct bus_server){.bus = bus, .next = bus->servers, .fn = fn, .ctx = ctx};
    struct listener_hooks hooks = {.on_message = on_request, .ctx = server};
    server->listener = listener_open(bus->keys, LISTENER_ROUTER, endpoint, &hooks, err);
    if (server->listener == NULL) {
        free(server);
        return NULL;
    }
    return bus->servers = server;
}

/* A closed server is kept until its last request has ended. */
static void let_go(struct bus_server *server)
{
    if (server->listener == NULL && server->in_flight == 0) loop_soon(free, server);
}

void bus_server_close(struct bus_server *server)
{
    if (server == NULL) return;
    struct bus_server **at = &server->bus->servers;
    while (*at != server) at = &(*at)->next;
    *at = server->next;
    listener_close(server->listener);
    server->listener = NULL;
    let_go(server);
}

const char *bus_server_endpoint(const struct bus_server *server)
{
    return listener_endpoint(server->listener);
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
    return text_of(request->from->user);
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

void bus_request_defer(struct bus_request *request, int64_t ms)
{
    connection_defer(request->from, ms);
}

void bus_drop(struct bus_request *request)
{
    struct bus_server *server = request->server;
    server->in_flight--;
    if (request->untag != NULL) request->untag(request->tag);
    connection_release(request->from);
    free(request);
    let_go(server);
}

void bus_reply(struct bus_request *request, text frame)
{
    connection_send(request->from, &frame, 1);
    if (connection_ended(request->from)) request->server->lost++;
    bus_drop(request);
}

/* Links: a connection that is made again after every loss, because libzmq itself gives up after
   a failed handshake. */

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
    bus_link_restart(link, BACK_OFF_MAX_MS);
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
        link->back_off_ms * 2 > BACK_OFF_MAX_MS ? BACK_OFF_MAX_MS : link->back_off_ms * 2;
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

static void on_link_frame(struct bus_link *link, const struct wire_message *message)
{
    if (message->n == 1 && link->hooks.on_frame != NULL)
        link->hooks.on_frame(link->hooks.ctx, message->part[0]);
}

struct bus_link *bus_link_open(struct bus *bus, const char *address, const char *service,
                               const struct bus_link_hooks *hooks, struct err *err)
{
    struct bus_link *link = create_link(bus, WIRE_CLIENT, address, service, TEXT(""));
    link->hooks = *hooks;
    link->on_message = on_link_frame;
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

enum told { TOLD_NOTHING, TOLD_NOW, TOLD }; /* of the last values under a prefix */

struct prefix {
    char *bytes; /* the first is the length of the rest */
    enum told told;
};

/* The subscriptions of one connection. */
struct subscriber {
    struct prefix prefixes[SUBSCRIPTIONS_MAX];
    size_t n;
    struct bucket made;
};

struct bus_publisher {
    struct bus *bus;
    struct bus_publisher *next;
    struct listener *listener;
    void (*on_subscribe)(void *ctx);
    void *ctx;
};

static struct subscriber *subscriber_of(struct connection *c)
{
    struct subscriber *subscriber = c->tag;
    if (subscriber != NULL) return subscriber;
    subscriber = c->tag = mem_alloc(sizeof(*subscriber));
    subscriber->n = 0;
    subscriber->made = (struct bucket){0};
    return subscriber;
}

static void forget_subscriber(void *ctx, struct connection *c)
{
    struct subscriber *subscriber = c->tag;
    (void)ctx;
    c->tag = NULL;
    if (subscriber == NULL) return;
    for (size_t i = 0; i < subscriber->n; i++) free(subscriber->prefixes[i].bytes);
    free(subscriber);
}

static text prefix_at(const struct subscriber *subscriber, size_t i)
{
    const char *bytes = subscriber->prefixes[i].bytes;
    return (text){bytes + 1, (unsigned char)bytes[0]};
}

static size_t find_prefix(const struct subscriber *subscriber, text prefix)
{
    size_t i = 0;
    while (i < subscriber->n && !text_equal(prefix_at(subscriber, i), prefix)) i++;
    return i;
}

static void subscribe(struct bus_publisher *publisher, struct connection *c, text prefix)
{
    struct subscriber *subscriber = subscriber_of(c);
    struct err err;
    size_t at = find_prefix(subscriber, prefix);
    if (prefix.len >= TOPIC_SIZE) return; /* longer than any topic */
    int64_t owed =
        bucket_owe(&subscriber->made, SUBSCRIPTIONS_MAX, SUBSCRIPTIONS_RATE, loop_now_ms());
    if (owed > 0) connection_defer(c, owed);
    if (at == SUBSCRIPTIONS_MAX) {
        err_set(&err, "a connection has at most %d subscriptions", SUBSCRIPTIONS_MAX);
        connection_end(c, "subscriptions", &err);
        return;
    }
    if (at == subscriber->n) {
        char *kept = subscriber->prefixes[subscriber->n++].bytes = mem_alloc(prefix.len + 1);
        kept[0] = (char)prefix.len;
        if (prefix.len > 0) memcpy(kept + 1, prefix.at, prefix.len);
    }
    subscriber->prefixes[at].told = TOLD_NOTHING;
    publisher->on_subscribe(publisher->ctx);
}

static void unsubscribe(struct connection *c, text prefix)
{
    struct subscriber *subscriber = subscriber_of(c);
    size_t at = find_prefix(subscriber, prefix);
    if (at == subscriber->n) return;
    free(subscriber->prefixes[at].bytes);
    subscriber->prefixes[at] = subscriber->prefixes[--subscriber->n];
}

/* As ZMTP 3.0 says it: 1 or 0, and the prefix. */
static void on_subscription(void *ctx, struct connection *c, text message)
{
    connection_charge(c);
    if (message.len == 0) return;
    text prefix = {message.at + 1, message.len - 1};
    if (message.at[0] == 1) subscribe(ctx, c, prefix);
    if (message.at[0] == 0) unsubscribe(c, prefix);
}

/* As ZMTP 3.1 does. */
static void on_subscription_command(void *ctx, struct connection *c, text command)
{
    static const text asks = {"\x09SUBSCRIBE", 10}, cancels = {"\6CANCEL", 7};
    if (text_starts(command, asks.at))
        subscribe(ctx, c, (text){command.at + asks.len, command.len - asks.len});
    if (text_starts(command, cancels.at))
        unsubscribe(c, (text){command.at + cancels.len, command.len - cancels.len});
}

struct bus_publisher *bus_publish_open(struct bus *bus, const char *endpoint,
                                       void (*on_subscribe)(void *ctx), void *ctx, struct err *err)
{
    struct bus_publisher *publisher = mem_alloc(sizeof(*publisher));
    *publisher = (struct bus_publisher){
        .bus = bus, .next = bus->publishers, .on_subscribe = on_subscribe, .ctx = ctx};
    struct listener_hooks hooks = {on_subscription, on_subscription_command, forget_subscriber,
                                   publisher};
    publisher->listener = listener_open(bus->keys, LISTENER_XPUB, endpoint, &hooks, err);
    if (publisher->listener == NULL) {
        free(publisher);
        return NULL;
    }
    return bus->publishers = publisher;
}

void bus_publish_close(struct bus_publisher *publisher)
{
    if (publisher == NULL) return;
    struct bus_publisher **at = &publisher->bus->publishers;
    while (*at != publisher) at = &(*at)->next;
    *at = publisher->next;
    struct connection *c = NULL;
    while ((c = listener_next(publisher->listener, c)) != NULL) forget_subscriber(NULL, c);
    listener_close(publisher->listener);
    loop_soon(free, publisher);
}

const char *bus_publish_endpoint(const struct bus_publisher *publisher)
{
    return listener_endpoint(publisher->listener);
}

/* With `now` only the prefixes count that are being told the last values. */
static bool is_subscribed(const struct connection *c, text topic, bool now)
{
    const struct subscriber *subscriber = c->tag;
    for (size_t i = 0; subscriber != NULL && i < subscriber->n; i++) {
        text prefix = prefix_at(subscriber, i);
        if (now && subscriber->prefixes[i].told != TOLD_NOW) continue;
        if (topic.len >= prefix.len && memcmp(topic.at, prefix.at, prefix.len) == 0) return true;
    }
    return false;
}

static void publish(const struct bus_publisher *publisher, text topic, text frame, bool now)
{
    assert(topic.len < TOPIC_SIZE);
    text parts[] = {topic, frame};
    struct connection *c = listener_next(publisher->listener, NULL), *next;
    for (; c != NULL; c = next) {
        next = listener_next(publisher->listener, c);
        if (!is_subscribed(c, topic, now)) continue;
        if (connection_waiting(c) > PUBLISHED_WAITING)
            metric_add(&missed, 1);
        else
            connection_send(c, parts, COUNT(parts));
    }
}

void bus_publish(struct bus_publisher *publisher, text topic, text frame)
{
    publish(publisher, topic, frame, false);
}

void bus_publish_last(struct bus_publisher *publisher, text topic, text frame)
{
    publish(publisher, topic, frame, true);
}

/* How many were in that state. */
static size_t change_told(const struct bus_publisher *publisher, enum told from, enum told to)
{
    size_t n = 0;
    struct connection *c = NULL;
    while ((c = listener_next(publisher->listener, c)) != NULL) {
        struct subscriber *subscriber = c->tag;
        for (size_t i = 0; subscriber != NULL && i < subscriber->n; i++) {
            if (subscriber->prefixes[i].told != from) continue;
            subscriber->prefixes[i].told = to;
            n++;
        }
    }
    return n;
}

bool bus_publish_last_begin(struct bus_publisher *publisher)
{
    return change_told(publisher, TOLD_NOTHING, TOLD_NOW) > 0;
}

void bus_publish_last_end(struct bus_publisher *publisher, bool told)
{
    change_told(publisher, TOLD_NOW, told ? TOLD : TOLD_NOTHING);
}

void bus_flush(struct bus *bus)
{
    for (struct bus_server *server = bus->servers; server != NULL; server = server->next)
        listener_flush(server->listener);
}

void bus_recheck(struct bus *bus)
{
    for (struct bus_server *server = bus->servers; server != NULL; server = server->next)
        listener_recheck(server->listener);
    for (struct bus_publisher *publisher = bus->publishers; publisher != NULL;
         publisher = publisher->next)
        listener_recheck(publisher->listener);
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
