#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/bucket.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "net/connection.h"

enum {
    BACKLOG = 1024,
    ACCEPTS_MAX = 16, /* in one turn of the loop */
    SWEEP_MS = 250,
    HANDSHAKE_MS = 3000,
    PING_MS = 2000,   /* of silence */
    SILENT_MS = 6000, /* after an unanswered ping */
    OUT_STUCK_MS = 10000,
    CLOSE_MS = 1000,
    SAY_AGAIN_MS = 10000,
    ENDPOINT_SIZE = 64
};

/* Bounds. A handshake keeps some 3 KiB. */
enum {
    HANDSHAKES_MAX = 512,
    HANDSHAKES_ADDRESS_MAX = 128,
    CONNECTIONS_MAX = 4096,
    CONNECTIONS_KEY_MAX = 256,
    SUBSCRIBERS_KEY_MAX = 64, /* each is another sealing of all that is published */
    KEPT_FREELY = 64 << 10,   /* by one connection */
    KEPT_KEY_MAX = 32 << 20,
    KEPT_MAX = 64 << 20
};

/* Each handshake costs some 0.2 ms; an address has so many a second, and so many at once. */
enum { RATE_SLOTS = 256, HANDSHAKES_RATE = 100, HANDSHAKES_BURST = 300 };

enum { ROLES_WITHIN = ROLE_SERVICE | ROLE_GATEWAY | ROLE_OPERATOR };
enum progress { HANDSHAKING, OPEN, LISTS };

struct listener {
    struct connection_rules rules;
    struct listener_hooks hooks;
    struct keys *keys;
    unsigned roles; /* that may enter */
    char endpoint[ENDPOINT_SIZE];
    int fd;
    uv_poll_t poll;
    struct loop_timer sweep, rest;
    struct connection *lists[LISTS];       /* newest first */
    size_t n[LISTS], most[LISTS], key_max; /* how many; how many may be; how many of one key */
    int64_t said_ms;                       /* that it cannot accept */
    bool closed, flushing;
    struct bucket begun[RATE_SLOTS]; /* by address */
};

METRIC(refused, .name = "kefu_handshakes_refused_total", .type = METRIC_COUNTER,
       .help = "Connections that were not let in.", .labels = {"why"});
METRIC(ended, .name = "kefu_connections_ended_total", .type = METRIC_COUNTER,
       .help = "Open connections that were ended by this side.", .labels = {"why"});
METRIC(connected, .name = "kefu_connections", .type = METRIC_GAUGE, .help = "Connections open.");

static const char *const router_clients[] = {"DEALER", "ROUTER", NULL};
static const char *const xpub_clients[] = {"SUB", "XSUB", NULL};

/* --- the list --- */

static enum progress progress_of(const struct connection *c)
{
    return c->stage == STAGE_OPEN ? OPEN : HANDSHAKING;
}

static void list_connection(struct listener *listener, enum progress list, struct connection *c)
{
    c->next = listener->lists[list];
    if (c->next != NULL) c->next->previous = c;
    listener->lists[list] = c;
    listener->n[list]++;
}

static void unlist_connection(struct listener *listener, enum progress list, struct connection *c)
{
    if (c->previous != NULL) c->previous->next = c->next;
    if (listener->lists[list] == c) listener->lists[list] = c->next;
    if (c->next != NULL) c->next->previous = c->previous;
    c->next = c->previous = NULL;
    listener->n[list]--;
}

struct connection *listener_next(const struct listener *listener, const struct connection *after)
{
    return after == NULL ? listener->lists[OPEN] : after->next;
}

/* Call fn for each; it may end that one. */
static void each(struct listener *listener, void (*fn)(struct listener *, struct connection *))
{
    for (enum progress list = HANDSHAKING; list < LISTS; list++) {
        for (struct connection *c = listener->lists[list], *next; c != NULL; c = next) {
            next = c->next;
            fn(listener, c);
        }
    }
}

/* --- what a connection may --- */

static bool may_begin(void *ctx, struct connection *c)
{
    struct listener *listener = ctx;
    text address = {(const char *)&c->address.sin_addr, sizeof(c->address.sin_addr)};
    return bucket_take(&listener->begun[text_hash(address) % RATE_SLOTS], HANDSHAKES_BURST,
                       HANDSHAKES_RATE, loop_now_ms());
}

struct share {
    size_t connections, kept;
};

static struct share share_of(const struct listener *listener, const char *user)
{
    struct share share = {0};
    for (struct connection *c = listener->lists[OPEN]; c != NULL; c = c->next) {
        if (strcmp(c->user, user) != 0) continue;
        share.connections++;
        share.kept += c->in.room + c->out.room;
    }
    return share;
}

/* Publishers and subscribers leave the last quarter to services, gateways and operators. */
static size_t places_for(const struct listener *listener, const char *user)
{
    size_t most = listener->most[OPEN];
    return keys_admit(listener->keys, text_of(user), ROLES_WITHIN) ? most : most - most / 4;
}

static bool may_enter(void *ctx, struct connection *c)
{
    struct listener *listener = ctx;
    const char *why = !keys_admit(listener->keys, text_of(c->user), listener->roles) ? "key"
                      : listener->n[OPEN] >= places_for(listener, c->user) ||
                              share_of(listener, c->user).connections >= listener->key_max
                          ? "connections"
                          : NULL;
    if (why == NULL) {
        unlist_connection(listener, HANDSHAKING, c);
        list_connection(listener, OPEN, c);
        metric_add(&connected, 1);
        return true;
    }
    metric_add(&refused, 1, why);
    log_warn(why[0] == 'k' ? "key_refused" : "too_many_connections", "address=%s door=%s key=%s",
             connection_address(c), listener->roles == ROLE_ANY ? "rpc" : "feed",
             log_quoted(c->user));
    return false;
}

static bool may_keep(void *ctx, const struct connection *c, size_t more)
{
    const struct listener *listener = ctx;
    size_t own = c->in.len + connection_waiting(c) + more, all = listener->rules.kept + more;
    if (own <= KEPT_FREELY || all <= KEPT_MAX / 2) return true;
    return all <= KEPT_MAX && share_of(listener, c->user).kept + more <= KEPT_KEY_MAX;
}

/* --- hooks --- */

static void on_message(void *ctx, struct connection *c, text message)
{
    struct listener *listener = ctx;
    listener->hooks.on_message(listener->hooks.ctx, c, message);
}

static void on_command(void *ctx, struct connection *c, text command)
{
    struct listener *listener = ctx;
    if (listener->hooks.on_command != NULL)
        listener->hooks.on_command(listener->hooks.ctx, c, command);
}

static void note_end(const struct listener *listener, const struct connection *c, const char *why,
                     const struct err *err)
{
    bool open = c->stage == STAGE_OPEN;
    if (why == NULL || (open && strcmp(why, "lost") == 0)) return;
    metric_add(open ? &ended : &refused, 1, why);
    log_warn(open ? "connection_ended" : "handshake_refused",
             "endpoint=%s address=%s why=%s reason=%s key=%s", listener->endpoint,
             connection_address(c), why, log_quoted(err == NULL ? "" : err->message),
             log_quoted(c->user));
}

static void on_end(void *ctx, struct connection *c, const char *why, const struct err *err)
{
    struct listener *listener = ctx;
    note_end(listener, c, why, err);
    unlist_connection(listener, progress_of(c), c);
    if (c->stage != STAGE_OPEN) return;
    metric_add(&connected, -1);
    if (!listener->closed && listener->hooks.on_end != NULL)
        listener->hooks.on_end(listener->hooks.ctx, c);
}

static void flush_dirty(void *ctx)
{
    struct listener *listener = ctx;
    listener->flushing = false;
    connection_flush_all(&listener->rules);
}

static void on_dirty(void *ctx)
{
    struct listener *listener = ctx;
    if (listener->flushing || listener->closed) return;
    listener->flushing = true;
    loop_soon(flush_dirty, listener);
}

/* --- accepting --- */

static bool is_from(const struct connection *c, const struct sockaddr_in *address)
{
    return c->address.sin_addr.s_addr == address->sin_addr.s_addr;
}

/* There may be fewer than HANDSHAKES_MAX where few files are allowed; then that is why. */
static void end_for_room(const struct listener *listener, struct connection *c)
{
    struct err why = {0};
    bool few = listener->most[HANDSHAKING] < HANDSHAKES_MAX;
    if (few)
        err_set(&why, "few open files are allowed: %zu handshakes at once",
                listener->most[HANDSHAKING]);
    connection_end(c, "crowded", few ? &why : NULL);
}

/* The oldest handshake makes room: that of an address which has its share already, or else of
   all. */
static void make_room(struct listener *listener, const struct sockaddr_in *address)
{
    struct connection *oldest = NULL, *oldest_here = NULL;
    size_t here = 0;
    for (struct connection *c = listener->lists[HANDSHAKING]; c != NULL; c = c->next) {
        oldest = c;
        if (!is_from(c, address)) continue;
        oldest_here = c;
        here++;
    }
    if (here >= HANDSHAKES_ADDRESS_MAX)
        connection_end(oldest_here, "crowded", NULL);
    else if (listener->n[HANDSHAKING] >= listener->most[HANDSHAKING])
        end_for_room(listener, oldest);
}

static void admit(struct listener *listener, int fd, const struct sockaddr_in *address)
{
    make_room(listener, address);
    struct connection *c = connection_open(&listener->rules, fd, address);
    if (c == NULL) return;
    list_connection(listener, HANDSHAKING, c);
}

static void on_connecting(uv_poll_t *handle, int status, int events);

static void accept_again(void *ctx)
{
    struct listener *listener = ctx;
    uv_poll_start(&listener->poll, UV_READABLE, on_connecting);
}

static unsigned long long files_allowed(void)
{
    struct rlimit files = {0};
    (void)getrlimit(RLIMIT_NOFILE, &files);
    return files.rlim_cur;
}

/* The missing resource is logged once for all pauses of some seconds. */
static void say_why(struct listener *listener, int why)
{
    int64_t now = loop_now_ms();
    if (listener->said_ms != 0 && now - listener->said_ms < SAY_AGAIN_MS) return;
    listener->said_ms = now;
    log_warn(why == EMFILE || why == ENFILE ? "files_short" : "accept_failed",
             "endpoint=%s allowed=%llu reason=%s", listener->endpoint, files_allowed(),
             log_quoted(strerror(why)));
}

/* Without descriptors the kernel would say at once, and again and again, that somebody waits. */
static void rest(struct listener *listener)
{
    say_why(listener, errno);
    uv_poll_stop(&listener->poll);
    loop_timer_start(&listener->rest, SWEEP_MS, 0, accept_again, listener);
}

static void on_connecting(uv_poll_t *handle, int status, int events)
{
    struct listener *listener = handle->data;
    (void)status, (void)events;
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        struct sockaddr_in address = {0};
        socklen_t size = sizeof(address);
        int fd =
            accept4(listener->fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            admit(listener, fd, &address);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            rest(listener);
        return;
    }
}

/* --- the passing of time --- */

static void look_at(struct listener *listener, struct connection *c)
{
    int64_t now = loop_now_ms();
    (void)listener;
    if (c->stage != STAGE_OPEN) {
        if (now - c->begun_ms >= HANDSHAKE_MS) connection_end(c, "unfinished", NULL);
    } else if (connection_waiting(c) > 0 && now - c->moved_ms >= OUT_STUCK_MS) {
        connection_end(c, "slow", NULL);
    } else if (c->held_until_ms > 0 || connection_waiting(c) >= OUT_HIGH) {
        connection_resume(c); /* nothing was heard because nothing was read */
        c->heard_ms = now;
        c->pinged_ms = 0;
    } else if (c->pinged_ms > 0 && now - c->pinged_ms >= SILENT_MS) {
        connection_end(c, "silent", NULL);
    } else if (c->pinged_ms == 0 && now - c->heard_ms >= PING_MS) {
        connection_ping(c);
    }
}

static void sweep(void *ctx)
{
    each(ctx, look_at);
}

static void recheck(struct listener *listener, struct connection *c)
{
    if (c->stage == STAGE_OPEN && !keys_admit(listener->keys, text_of(c->user), listener->roles))
        connection_end(c, "revoked", NULL);
}

void listener_recheck(struct listener *listener)
{
    each(listener, recheck);
}

void listener_flush(struct listener *listener)
{
    connection_flush_all(&listener->rules);
}

/* --- life --- */

static int parse_endpoint(const char *endpoint, struct sockaddr_in *address, struct err *err)
{
    char host[ENDPOINT_SIZE];
    int64_t port = 0;
    const char *colon = strrchr(endpoint, ':');
    *address = (struct sockaddr_in){.sin_family = AF_INET};
    if (strncmp(endpoint, "tcp://", 6) != 0 || colon == NULL || colon < endpoint + 6 ||
        (size_t)(colon - endpoint) >= sizeof(host) ||
        (strcmp(colon, ":*") != 0 && !text_to_int(text_of(colon + 1), &port)) || port < 0 ||
        port > UINT16_MAX)
        return err_set(err, "%s is not tcp://ADDRESS:PORT", endpoint);
    text_format(host, sizeof(host), "%.*s", (int)(colon - endpoint - 6), endpoint + 6);
    address->sin_port = htons((uint16_t)port);
    if (strcmp(host, "*") == 0) return 0;
    if (inet_pton(AF_INET, host, &address->sin_addr) != 1)
        return err_set(err, "%s: %s is neither an IPv4 number nor *", endpoint, host);
    return 0;
}

/* Those who connect inherit them. */
static void set_socket_options(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {SOL_SOCKET, SO_REUSEADDR, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, 30},
        {IPPROTO_TCP, TCP_KEEPINTVL, 10},
        {IPPROTO_TCP, TCP_KEEPCNT, 3},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, OUT_STUCK_MS},
    };
    for (size_t i = 0; i < COUNT(options); i++)
        setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

static int bind_listener(struct listener *listener, const char *endpoint, struct err *err)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    char host[INET_ADDRSTRLEN];
    if (parse_endpoint(endpoint, &address, err) < 0) return -1;
    listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd >= 0) set_socket_options(listener->fd);
    if (listener->fd < 0 || bind(listener->fd, (struct sockaddr *)&address, size) != 0 ||
        listen(listener->fd, BACKLOG) != 0 ||
        getsockname(listener->fd, (struct sockaddr *)&address, &size) != 0)
        return err_set(err, "cannot listen on %s: %s", endpoint, strerror(errno));
    inet_ntop(AF_INET, &address.sin_addr, host, sizeof(host));
    text_format(listener->endpoint, sizeof(listener->endpoint), "tcp://%s:%u", host,
                ntohs(address.sin_port));
    return 0;
}

/* Descriptors are shared with another listener, the database and so on. */
static size_t share_of_files(size_t part, size_t most)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur / part > most) return most;
    return files.rlim_cur / part;
}

static struct listener *create_listener(struct keys *keys, enum listener_kind kind,
                                        const struct listener_hooks *hooks)
{
    struct listener *listener = mem_alloc(sizeof(*listener));
    bool router = kind == LISTENER_ROUTER;
    memset(listener, 0, sizeof(*listener));
    listener->hooks = *hooks;
    listener->keys = keys;
    listener->fd = -1;
    listener->most[HANDSHAKING] = share_of_files(16, HANDSHAKES_MAX);
    listener->key_max = router ? CONNECTIONS_KEY_MAX : SUBSCRIBERS_KEY_MAX;
    listener->most[OPEN] = share_of_files(4, CONNECTIONS_MAX);
    listener->roles = router ? ROLE_ANY : ROLE_SUBSCRIBER | ROLES_WITHIN;
    struct connection_rules *rules = &listener->rules;
    rules->socket_type = router ? "ROUTER" : "XPUB";
    rules->clients = router ? router_clients : xpub_clients;
    rules->may_begin = may_begin;
    rules->may_enter = may_enter;
    rules->may_keep = may_keep;
    rules->on_message = on_message;
    rules->on_command = on_command;
    rules->on_dirty = on_dirty;
    rules->on_end = on_end;
    rules->ctx = listener;
    keys_decode(keys_public(keys), rules->pair.public_key);
    keys_decode(keys_secret(keys), rules->pair.secret_key);
    return listener;
}

struct listener *listener_open(struct keys *keys, enum listener_kind kind, const char *endpoint,
                               const struct listener_hooks *hooks, struct err *err)
{
    struct listener *listener = create_listener(keys, kind, hooks);
    int bad = curve_start(err);
    if (bad == 0 && !keys_admit(keys, text_of(keys_public(keys)), listener->roles))
        bad = err_set(err, "the list of keys does not name that of %s itself", keys_name(keys));
    if (bad == 0) bad = bind_listener(listener, endpoint, err);
    if (bad == 0 && uv_poll_init_socket(loop_get(), &listener->poll, listener->fd) != 0)
        bad = err_set(err, "cannot watch %s", endpoint);
    if (bad < 0) {
        if (listener->fd >= 0) close(listener->fd);
        free(listener);
        return NULL;
    }
    listener->poll.data = listener;
    accept_again(listener);
    loop_timer_start(&listener->sweep, SWEEP_MS, SWEEP_MS, sweep, listener);
    return listener;
}

static void write_or_end(struct listener *listener, struct connection *c)
{
    (void)listener;
    if (connection_waiting(c) == 0)
        connection_end(c, NULL, NULL);
    else
        connection_flush(c);
}

static void end_one(struct listener *listener, struct connection *c)
{
    (void)listener;
    connection_end(c, NULL, NULL);
}

/* The last answers: most of them are in the kernel's hands at once. */
static void write_last(struct listener *listener)
{
    int64_t until = loop_now_ms() + CLOSE_MS;
    connection_flush_all(&listener->rules);
    each(listener, write_or_end);
    while (listener->lists[OPEN] != NULL && loop_now_ms() < until) {
        poll(NULL, 0, 1);
        each(listener, write_or_end);
    }
    each(listener, end_one);
}

static void stop_reading(struct listener *listener, struct connection *c)
{
    (void)listener;
    c->deaf = true;
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;
    explicit_bzero(&listener->rules.pair, sizeof(listener->rules.pair));
    loop_soon(free, listener); /* a flush may still be asked for */
}

void listener_close(struct listener *listener)
{
    if (listener == NULL) return;
    listener->closed = true;
    each(listener, stop_reading);
    loop_timer_stop(&listener->sweep);
    loop_timer_stop(&listener->rest);
    uv_close((uv_handle_t *)&listener->poll, on_listener_closed);
    close(listener->fd);
    write_last(listener);
}

const char *listener_endpoint(const struct listener *listener)
{
    return listener->endpoint;
}
