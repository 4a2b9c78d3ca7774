#include "net/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <zmq.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/loop.h"

enum { PER_TURN = 256 };

/* ZMQ_FD only says "look again", and whatever is done with a socket may swallow that. So a
   socket is stirred when its descriptor speaks or something is done with it, and is asked with
   ZMQ_EVENTS, before the loop sleeps, until nothing is left to do. The others are left alone:
   asking costs a system call or two. */
struct watch {
    void *socket;
    uv_poll_t poll;
};

struct wire_socket {
    struct wire *wire;
    struct wire_socket *next, *previous;
    struct wire_hooks hooks;
    enum wire_kind kind;
    struct watch main, monitor;
    int watches; /* handles not yet closed by the loop */
    bool closed, wants_to_write, stirred;
};

struct wire {
    void *context;
    struct keys *keys;
    uv_prepare_t before;
    uv_check_t after;
    uv_idle_t awake; /* runs while something is pending, so that the loop does not sleep */
    int handles;
    struct wire_socket *sockets;
    uint64_t monitors;
};

/* Options: all of them, for both kinds of socket. There is no limit to what is received:
   whatever is read ahead was asked for, or comes from a service of ours; and a limit would make
   libzmq stop reading, a state in which 4.3.4 ends the process when a heartbeat or the peer's
   end falls into it (libzmq issues 3596, 3937, 4767). */
static const struct option {
    int name;
    int value[WIRE_KINDS]; /* client, subscriber */
} options[] = {
    {ZMQ_LINGER, {0, 0}},
    {ZMQ_IMMEDIATE, {1, 1}},
    {ZMQ_SNDHWM, {256, 256}},
    {ZMQ_RCVHWM, {0, 0}},
    {ZMQ_HANDSHAKE_IVL, {3000, 3000}},
    {ZMQ_CONNECT_TIMEOUT, {2000, 2000}},
    {ZMQ_RECONNECT_IVL, {100, 100}},
    {ZMQ_RECONNECT_IVL_MAX, {2000, 2000}},
    {ZMQ_HEARTBEAT_IVL, {2000, 2000}},
    {ZMQ_HEARTBEAT_TIMEOUT, {6000, 6000}},
    {ZMQ_HEARTBEAT_TTL, {10000, 10000}},
    {ZMQ_TCP_KEEPALIVE, {1, 1}},
    {ZMQ_TCP_KEEPALIVE_IDLE, {30, 30}},
    {ZMQ_TCP_KEEPALIVE_INTVL, {10, 10}},
    {ZMQ_TCP_KEEPALIVE_CNT, {3, 3}},
    {ZMQ_TCP_MAXRT, {10000, 10000}},
    {ZMQ_IPV6, {0, 0}},
};

static const int64_t most_bytes[WIRE_KINDS] = {16 << 20, 1 << 20};
static const int types[WIRE_KINDS] = {ZMQ_DEALER, ZMQ_SUB};

static void set_options(void *socket, enum wire_kind kind)
{
    for (size_t i = 0; i < COUNT(options); i++) {
        int value = options[i].value[kind];
        int result = zmq_setsockopt(socket, options[i].name, &value, sizeof(value));
        assert(result == 0);
        (void)result;
    }
    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most_bytes[kind], sizeof(most_bytes[kind]));
}

/* The only place where keys are given to sockets of libzmq. */
static int set_keys(const struct wire *wire, void *socket, const char *service, struct err *err)
{
    const char *server_key = keys_of_service(wire->keys, service);
    if (server_key == NULL) return err_set(err, "the list of keys names no service %s", service);
    if (zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys_secret(wire->keys), KEY_SIZE) == 0 &&
        zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, keys_public(wire->keys), KEY_SIZE) == 0 &&
        zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server_key, KEY_SIZE) == 0)
        return 0;
    return err_set(err, "libzmq takes no such keys: %s", zmq_strerror(errno));
}

/* Sending */

static int pending_events(void *socket)
{
    int events = 0;
    size_t size = sizeof(events);
    return zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0 ? events : 0;
}

static void stay_awake(uv_idle_t *handle)
{
    (void)handle;
}

static bool has_work(const struct wire_socket *socket)
{
    int events = pending_events(socket->main.socket);
    if (socket->monitor.socket != NULL &&
        (pending_events(socket->monitor.socket) & ZMQ_POLLIN) != 0)
        return true;
    return (events & ZMQ_POLLIN) != 0 || (socket->wants_to_write && (events & ZMQ_POLLOUT) != 0);
}

static int send_part(void *socket, text part, int flags)
{
    int result;
    do {
        result = zmq_send(socket, part.at, part.len, flags | ZMQ_DONTWAIT);
    } while (result < 0 && errno == EINTR);
    return result;
}

enum wire_sent wire_send(struct wire_socket *socket, const text *parts, size_t n)
{
    assert(!socket->closed);
    enum wire_sent sent = WIRE_SENT;
    for (size_t i = 0; i < n && sent == WIRE_SENT; i++) {
        if (send_part(socket->main.socket, parts[i], i + 1 < n ? ZMQ_SNDMORE : 0) >= 0) continue;
        sent = WIRE_BUSY;
    }
    if (sent == WIRE_BUSY) socket->wants_to_write = true;
    socket->stirred = true; /* sending may swallow the wake-up */
    return sent;
}

/* Receiving */

static size_t read_parts(void *socket, zmq_msg_t *parts)
{
    size_t n = 0;
    bool more = true;
    while (more) {
        zmq_msg_t extra, *part = n < WIRE_PARTS ? &parts[n] : &extra;
        zmq_msg_init(part);
        if (zmq_msg_recv(part, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(part);
            return n;
        }
        more = zmq_msg_more(part) != 0;
        if (part == &extra) zmq_msg_close(part);
        n++;
    }
    return n;
}

static void hand_over(struct wire_socket *socket, zmq_msg_t *parts, size_t n)
{
    struct wire_message message = {.n = n};
    for (size_t i = 0; i < n && i < WIRE_PARTS; i++)
        message.part[i] = (text){zmq_msg_data(&parts[i]), zmq_msg_size(&parts[i])};
    socket->hooks.on_message(socket->hooks.ctx, &message);
}

/* At most PER_TURN messages. True if there may be more. */
static bool read_messages(struct wire_socket *socket)
{
    for (int i = 0; i < PER_TURN; i++) {
        if (socket->closed) return false;
        zmq_msg_t parts[WIRE_PARTS];
        size_t n = read_parts(socket->main.socket, parts);
        if (n == 0) return false;
        hand_over(socket, parts, n);
        for (size_t k = 0; k < n && k < WIRE_PARTS; k++) zmq_msg_close(&parts[k]);
    }
    return true;
}

static void tell(struct wire_socket *socket, enum wire_event event)
{
    if (!socket->closed && socket->hooks.on_event != NULL)
        socket->hooks.on_event(socket->hooks.ctx, event);
}

static void on_monitored(struct wire_socket *socket, uint16_t event)
{
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: tell(socket, WIRE_CONNECTED); break;
    case ZMQ_EVENT_CONNECT_RETRIED: tell(socket, WIRE_RETRYING); break;
    case ZMQ_EVENT_DISCONNECTED:
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: tell(socket, WIRE_LOST); break;
    default: break;
    }
}

static void read_monitor(struct wire_socket *socket)
{
    while (!socket->closed && socket->monitor.socket != NULL) {
        zmq_msg_t parts[WIRE_PARTS];
        size_t n = read_parts(socket->monitor.socket, parts);
        if (n == 0) return;
        uint16_t event = 0;
        if (zmq_msg_size(&parts[0]) >= sizeof(event))
            memcpy(&event, zmq_msg_data(&parts[0]), sizeof(event));
        for (size_t k = 0; k < n && k < WIRE_PARTS; k++) zmq_msg_close(&parts[k]);
        on_monitored(socket, event);
    }
}

static void work(struct wire_socket *socket)
{
    bool more = read_messages(socket);
    if (socket->closed || more)
        return; /* what was received before the connection was lost is heard first */
    if (socket->wants_to_write && (pending_events(socket->main.socket) & ZMQ_POLLOUT) != 0) {
        socket->wants_to_write = false;
        tell(socket, WIRE_WRITABLE);
    }
    read_monitor(socket);
}

static void after_sleep(uv_check_t *handle)
{
    struct wire *wire = handle->data;
    /* A closed socket stays in memory, with its `next`, until the end of this turn. */
    for (struct wire_socket *socket = wire->sockets; socket != NULL; socket = socket->next) {
        if (!socket->closed && socket->stirred) work(socket);
    }
}

static void before_sleep(uv_prepare_t *handle)
{
    struct wire *wire = handle->data;
    bool any = false;
    for (struct wire_socket *socket = wire->sockets; socket != NULL; socket = socket->next) {
        if (socket->stirred) socket->stirred = has_work(socket);
        any = any || socket->stirred;
    }
    if (any) {
        uv_idle_start(&wire->awake, stay_awake);
    } else {
        uv_idle_stop(&wire->awake);
    }
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
    struct wire_socket *socket = handle->data;
    (void)events;
    socket->stirred = true;
    if (status == 0) return;
    log_warn("wire_poll_failed", "reason=%s", uv_err_name(status));
    uv_poll_start(handle, UV_READABLE, on_readable);
}

/* Opening and closing */

static void free_closed(uv_handle_t *handle)
{
    struct wire_socket *socket = handle->data;
    if (--socket->watches == 0) free(socket);
}

static int start_watch(struct wire_socket *socket, struct watch *watch, void *raw)
{
    uv_os_sock_t fd;
    size_t size = sizeof(fd);
    if (zmq_getsockopt(raw, ZMQ_FD, &fd, &size) != 0) return -1;
    if (uv_poll_init_socket(loop_get(), &watch->poll, fd) != 0) return -1;
    watch->poll.data = socket;
    watch->socket = raw;
    socket->watches++;
    return uv_poll_start(&watch->poll, UV_READABLE, on_readable);
}

static void stop_watch(struct watch *watch)
{
    if (watch->socket == NULL) return;
    uv_close((uv_handle_t *)&watch->poll, free_closed); /* before its descriptor goes away */
    zmq_close(watch->socket);
    watch->socket = NULL;
}

static int start_monitor(struct wire_socket *socket)
{
    char endpoint[64];
    snprintf(endpoint, sizeof(endpoint), "inproc://monitor-%llu",
             (unsigned long long)socket->wire->monitors++);
    int events = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                 ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                 ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_DISCONNECTED;
    if (zmq_socket_monitor(socket->main.socket, endpoint, events) != 0) return -1;
    void *pair = zmq_socket(socket->wire->context, ZMQ_PAIR);
    if (pair == NULL) return -1;
    int linger = 0;
    zmq_setsockopt(pair, ZMQ_LINGER, &linger, sizeof(linger));
    if (zmq_connect(pair, endpoint) == 0 && start_watch(socket, &socket->monitor, pair) == 0)
        return 0;
    if (socket->monitor.socket == NULL) zmq_close(pair);
    return -1;
}

static int attach(struct wire_socket *socket, const char *endpoint, text topic)
{
    void *raw = socket->main.socket;
    if (start_monitor(socket) != 0) return -1;
    if (socket->kind == WIRE_SUBSCRIBER &&
        zmq_setsockopt(raw, ZMQ_SUBSCRIBE, topic.at, topic.len) != 0)
        return -1;
    return zmq_connect(raw, endpoint);
}

static void link_in(struct wire_socket *socket)
{
    struct wire *wire = socket->wire;
    socket->next = wire->sockets;
    if (wire->sockets != NULL) wire->sockets->previous = socket;
    wire->sockets = socket;
}

static void link_out(struct wire_socket *socket)
{
    if (socket->previous != NULL) socket->previous->next = socket->next;
    if (socket->wire->sockets == socket) socket->wire->sockets = socket->next;
    if (socket->next != NULL) socket->next->previous = socket->previous;
}

struct wire_socket *wire_open(struct wire *wire, enum wire_kind kind,
                              const struct wire_place *place, const struct wire_hooks *hooks,
                              struct err *err)
{
    const char *endpoint = place->endpoint;
    void *raw = zmq_socket(wire->context, types[kind]);
    if (raw == NULL) return err_set(err, "%s: %s", endpoint, zmq_strerror(errno)), NULL;
    set_options(raw, kind);
    if (set_keys(wire, raw, place->service, err) < 0) return zmq_close(raw), NULL;
    struct wire_socket *socket = mem_alloc(sizeof(*socket));
    *socket = (struct wire_socket){.wire = wire, .hooks = *hooks, .kind = kind, .stirred = true};
    link_in(socket);
    int started = start_watch(socket, &socket->main, raw);
    if (started == 0 && attach(socket, endpoint, place->topic) == 0) return socket;
    err_set(err, "cannot connect to %s: %s", endpoint, zmq_strerror(errno));
    if (socket->watches > 0) return wire_close(socket), NULL;
    link_out(socket);
    zmq_close(raw);
    free(socket);
    return NULL;
}

void wire_close(struct wire_socket *socket)
{
    if (socket == NULL || socket->closed) return;
    socket->closed = true;
    link_out(socket);
    if (socket->monitor.socket != NULL) zmq_socket_monitor(socket->main.socket, NULL, 0);
    stop_watch(&socket->monitor);
    stop_watch(&socket->main);
}

static uv_handle_t *start_handle(struct wire *wire, void *handle)
{
    ((uv_handle_t *)handle)->data = wire;
    wire->handles++;
    return handle;
}

struct wire *wire_create(struct keys *keys)
{
    struct wire *wire = mem_alloc(sizeof(*wire));
    wire->keys = keys;
    wire->context = zmq_ctx_new();
    if (wire->context == NULL)
        fatal("the machine may be out of file descriptors", "zmq: %s", zmq_strerror(errno));
    zmq_ctx_set(wire->context, ZMQ_IO_THREADS, 1);
    uv_prepare_init(loop_get(), &wire->before);
    uv_check_init(loop_get(), &wire->after);
    uv_idle_init(loop_get(), &wire->awake);
    start_handle(wire, &wire->before);
    start_handle(wire, &wire->after);
    start_handle(wire, &wire->awake);
    uv_prepare_start(&wire->before, before_sleep);
    uv_check_start(&wire->after, after_sleep);
    return wire;
}

static void free_wire(uv_handle_t *handle)
{
    struct wire *wire = handle->data;
    if (--wire->handles == 0) free(wire);
}

void wire_destroy(struct wire *wire)
{
    if (wire == NULL) return;
    assert(wire->sockets == NULL);
    while (zmq_ctx_term(wire->context) != 0 && errno == EINTR) continue;
    uv_close((uv_handle_t *)&wire->before, free_wire);
    uv_close((uv_handle_t *)&wire->after, free_wire);
    uv_close((uv_handle_t *)&wire->awake, free_wire);
}
