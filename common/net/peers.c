#include "net/peers.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/loop.h"

enum {
    RESOLVE_MS = 2400, /* jittered: 1.2 to 2.4 s */
    RESOLVE_SOON_MS = 300,
    MISSES = 3,
    HELLO_MS = 3000,
    STRANGER_MS = 2000,
    BUCKETS = 1024,
    ADDRESS_SIZE = 80
};

/* An ask is in its bucket, and in one list: waiting for a peer, queued at a peer, or sent by a
   peer. */
struct ask {
    struct ask *bucket_next;
    struct ask *next, **at;
    struct peers *peers;
    struct peer *peer; /* NULL: waiting */
    bool sent, any;
    struct loop_timer timer;
    void (*fn)(void *ctx, enum peers_status status, text frame);
    void *ctx;
    text id, frame; /* both in `bytes` */
    char bytes[];
};

/* A list that is added to at its end. */
struct asks {
    struct ask *first, **end;
};

struct peer {
    struct peers *peers;
    struct peer *next;
    char address[ADDRESS_SIZE];
    struct bus_link *link;
    bool ready;
    int missed; /* look-ups in a row that did not name it */
    struct asks queued, sent;
};

struct peers {
    struct bus *bus;
    char *name;
    char *host; /* NULL: the addresses are given */
    char *port;
    struct peers_hooks hooks;
    struct peer *first;
    struct peer *turn; /* who was asked last */
    struct asks waiting;
    size_t open;
    bool closed;
    struct loop_timer timer;
    struct loop_lookup *lookup;
    struct ask *buckets[BUCKETS];
};

/* Lists of asks */

static void asks_init(struct asks *asks)
{
    *asks = (struct asks){NULL, &asks->first};
}

static void move_to(struct asks *asks, struct ask *ask)
{
    ask->next = NULL;
    ask->at = asks->end;
    *asks->end = ask;
    asks->end = &ask->next;
}

static struct asks *list_of(const struct ask *ask)
{
    if (ask->peer == NULL) return &ask->peers->waiting;
    return ask->sent ? &ask->peer->sent : &ask->peer->queued;
}

static void take_out(struct ask *ask)
{
    struct asks *asks = list_of(ask);
    *ask->at = ask->next;
    if (ask->next != NULL) ask->next->at = ask->at;
    if (asks->end == &ask->next) asks->end = ask->at;
}

static struct ask **bucket_of(struct peers *peers, text id)
{
    return &peers->buckets[text_hash(id) % BUCKETS];
}

static struct ask *find_ask(const struct peer *peer, text id)
{
    struct ask *ask = *bucket_of(peer->peers, id);
    while (ask != NULL && !(ask->peer == peer && ask->sent && text_equal(ask->id, id)))
        ask = ask->bucket_next;
    return ask;
}

/* The end of every ask. Its fn may do anything, even destroy the peers. */
static void end_ask(struct ask *ask, enum peers_status status, text frame)
{
    struct ask **at = bucket_of(ask->peers, ask->id);
    while (*at != ask) at = &(*at)->bucket_next;
    *at = ask->bucket_next;
    take_out(ask);
    loop_timer_stop(&ask->timer);
    ask->peers->open--;
    ask->fn(ask->ctx, status, frame);
    free(ask);
}

static void end_all(struct asks *asks, enum peers_status status)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): end_ask() takes it off the list first. */
    while (asks->first != NULL) end_ask(asks->first, status, (text){0});
}

/* Asking */

static bool send_ask(struct ask *ask)
{
    if (!bus_link_send(ask->peer->link, ask->frame)) return false;
    take_out(ask);
    ask->sent = true;
    move_to(&ask->peer->sent, ask);
    return true;
}

static void send_queued(struct peer *peer)
{
    while (peer->queued.first != NULL && send_ask(peer->queued.first)) continue;
}

/* Takes a waiting ask. */
static void give_to(struct peer *peer, struct ask *ask)
{
    take_out(ask);
    ask->peer = peer;
    move_to(&peer->queued, ask);
    if (peer->queued.first == ask) send_queued(peer);
}

static struct peer *next_ready(struct peers *peers)
{
    struct peer *start = peers->turn == NULL ? NULL : peers->turn->next;
    for (struct peer *peer = start; peer != NULL; peer = peer->next) {
        if (peer->ready) return peers->turn = peer;
    }
    for (struct peer *peer = peers->first; peer != start; peer = peer->next) {
        if (peer->ready) return peers->turn = peer;
    }
    return NULL;
}

static void give_waiting(struct peers *peers)
{
    for (struct ask *ask = peers->waiting.first, *next; ask != NULL; ask = next) {
        next = ask->next;
        struct peer *peer = ask->any ? next_ready(peers) : NULL;
        if (peer != NULL) give_to(peer, ask);
    }
}

static struct peer *peer_at(const struct peers *peers, size_t i)
{
    struct peer *peer = peers->first;
    while (peer != NULL && i-- > 0) peer = peer->next;
    return peer;
}

static void on_timeout(void *ctx)
{
    struct ask *ask = ctx;
    end_ask(ask, ask->sent ? PEERS_TIMED_OUT : PEERS_UNREACHABLE, (text){0});
}

/* A new ask, waiting. */
static struct ask *create_ask(struct peers *peers, text frame, text id, int64_t timeout_ms)
{
    struct ask *ask = mem_alloc(sizeof(*ask) + id.len + frame.len);
    ask->peers = peers;
    if (id.len > 0) memcpy(ask->bytes, id.at, id.len);
    if (frame.len > 0) memcpy(ask->bytes + id.len, frame.at, frame.len);
    ask->id = (text){ask->bytes, id.len};
    ask->frame = (text){ask->bytes + id.len, frame.len};
    struct ask **bucket = bucket_of(peers, id);
    ask->bucket_next = *bucket;
    *bucket = ask;
    move_to(&peers->waiting, ask);
    peers->open++;
    loop_timer_start(&ask->timer, timeout_ms, 0, on_timeout, ask);
    return ask;
}

void peers_ask(struct peers *peers, int which, text frame, text id, int64_t timeout_ms,
               void (*fn)(void *ctx, enum peers_status status, text frame), void *ctx)
{
    assert(!peers->closed);
    struct peer *peer = which == PEERS_ANY ? next_ready(peers) : peer_at(peers, (size_t)which);
    bool ready = peer != NULL && peer->ready;
    bool hopeless = which != PEERS_ANY && !ready;
    struct ask *ask = create_ask(peers, frame, id, hopeless ? 0 : timeout_ms);
    ask->any = which == PEERS_ANY;
    ask->fn = fn;
    ask->ctx = ctx;
    if (ready) give_to(peer, ask);
}

void peers_tell(struct peers *peers, text frame)
{
    for (struct peer *peer = peers->first; peer != NULL; peer = peer->next) {
        if (peer->ready && !bus_link_send(peer->link, frame)) {
            log_debug("hint_lost", "peers=%s address=%s", peers->name, peer->address);
        }
    }
}

/* Peers */

static void tell_change(struct peers *peers)
{
    if (!peers->closed && peers->hooks.on_change != NULL) peers->hooks.on_change(peers->hooks.ctx);
}

static void become_ready(struct peer *peer)
{
    peer->ready = true;
    give_waiting(peer->peers);
    tell_change(peer->peers);
}

static void on_hello(void *ctx, enum peers_status status, text frame)
{
    struct peer *peer = ctx;
    struct peers *peers = peer->peers;
    if (status == PEERS_CLOSED || peer->link == NULL || !bus_link_up(peer->link)) return;
    if (status == PEERS_ANSWERED && peers->hooks.welcome(peers->hooks.ctx, peer->address, frame)) {
        become_ready(peer);
        return;
    }
    log_warn("peer_not_welcome", "peers=%s address=%s answered=%d", peers->name, peer->address,
             status == PEERS_ANSWERED);
    bus_link_restart(peer->link, STRANGER_MS);
}

static void on_up(void *ctx)
{
    struct peer *peer = ctx;
    struct peers *peers = peer->peers;
    if (peers->hooks.hello == NULL) {
        become_ready(peer);
        return;
    }
    struct buf frame = {0}, id = {0};
    peers->hooks.hello(peers->hooks.ctx, &frame, &id);
    struct ask *ask = create_ask(peers, buf_text(&frame), buf_text(&id), HELLO_MS);
    ask->fn = on_hello;
    ask->ctx = peer;
    give_to(peer, ask);
    buf_finish(&frame);
    buf_finish(&id);
}

/* Questions not sent yet may go to another peer, if any will do; the rest end. */
static void abandon_asks(struct peer *peer)
{
    struct peers *peers = peer->peers;
    for (struct ask *ask = peer->queued.first, *next; ask != NULL; ask = next) {
        next = ask->next;
        if (!ask->any) continue;
        take_out(ask);
        ask->peer = NULL;
        move_to(&peers->waiting, ask);
    }
    end_all(&peer->sent, PEERS_UNREACHABLE);
    end_all(&peer->queued, PEERS_UNREACHABLE);
    if (!peers->closed) give_waiting(peers);
}

static void resolve(void *ctx);

static void on_down(void *ctx)
{
    struct peer *peer = ctx;
    struct peers *peers = peer->peers;
    peer->ready = false;
    if (peers->host != NULL && peers->lookup == NULL) {
        loop_timer_start(&peers->timer, loop_jitter(RESOLVE_SOON_MS), 0, resolve, peers);
    }
    abandon_asks(peer);
    tell_change(peers);
}

static void on_writable(void *ctx)
{
    send_queued(ctx);
}

static void on_peer_frame(void *ctx, text frame)
{
    struct peer *peer = ctx;
    struct peers *peers = peer->peers;
    text id = peers->hooks.id_of(peers->hooks.ctx, frame);
    struct ask *ask = id.at == NULL ? NULL : find_ask(peer, id);
    if (ask != NULL)
        end_ask(ask, PEERS_ANSWERED, frame); /* otherwise it came too late, or is nonsense */
}

static bool add_peer(struct peers *peers, const char *host, const char *port, struct err *err)
{
    struct peer *peer = mem_alloc(sizeof(*peer));
    peer->peers = peers;
    asks_init(&peer->queued);
    asks_init(&peer->sent);
    snprintf(peer->address, sizeof(peer->address), "tcp://%s:%s", host, port);
    struct bus_link_hooks hooks = {on_up, on_down, on_writable, on_peer_frame, peer};
    peer->link = bus_link_open(peers->bus, peer->address, peers->name, &hooks, err);
    if (peer->link == NULL) {
        free(peer);
        return false;
    }
    struct peer **at = &peers->first;
    while (*at != NULL) at = &(*at)->next;
    *at = peer;
    return true;
}

/* Already taken out of the list. */
static void drop_peer(struct peer *peer)
{
    if (peer->peers->turn == peer) peer->peers->turn = NULL;
    bus_link_close(peer->link);
    peer->link = NULL;
    peer->ready = false;
    abandon_asks(peer);
    loop_soon(free, peer);
}

/* Finding addresses */

static struct peer *find_peer(struct peers *peers, const char *host)
{
    char address[ADDRESS_SIZE];
    snprintf(address, sizeof(address), "tcp://%s:%s", host, peers->port);
    struct peer *peer = peers->first;
    while (peer != NULL && strcmp(peer->address, address) != 0) peer = peer->next;
    return peer;
}

static bool note_address(struct peers *peers, const char *host)
{
    struct peer *peer = find_peer(peers, host);
    if (peer != NULL) {
        peer->missed = 0;
        return false;
    }
    struct err err;
    if (add_peer(peers, host, peers->port, &err)) return true;
    log_warn("peer_not_added", "peers=%s reason=%s", peers->name, log_quoted(err.message));
    return false;
}

static bool drop_missing(struct peers *peers)
{
    bool any = false;
    for (struct peer **at = &peers->first; *at != NULL;) {
        struct peer *peer = *at;
        bool answers = peer->ready; /* then it is there, whatever the name service says */
        if (answers || peer->missed < MISSES) {
            at = &peer->next;
            continue;
        }
        *at = peer->next;
        any = true;
        log_info("peer_dropped", "peers=%s address=%s", peers->name, peer->address);
        drop_peer(peer);
        if (peers->closed) return false;
    }
    return any;
}

static void on_found(void *ctx, enum loop_found found, char **addresses, size_t n)
{
    struct peers *peers = ctx;
    peers->lookup = NULL;
    loop_timer_start(&peers->timer, loop_jitter(RESOLVE_MS), 0, resolve, peers);
    if (found == LOOP_NOT_ANSWERED) return; /* which says nothing about the peers */
    bool changed = false;
    for (struct peer *peer = peers->first; peer != NULL; peer = peer->next) peer->missed++;
    for (size_t i = 0; i < n; i++) changed |= note_address(peers, addresses[i]);
    changed |= drop_missing(peers);
    if (changed) tell_change(peers);
}

static void resolve(void *ctx)
{
    struct peers *peers = ctx;
    peers->lookup = loop_lookup(peers->host, on_found, peers);
    if (peers->lookup == NULL)
        loop_timer_start(&peers->timer, loop_jitter(RESOLVE_MS), 0, resolve, peers);
}

/* Split "host:port" in place. */
static int split_address(char *address, char **port, struct err *err)
{
    int64_t number;
    char *colon = strrchr(address, ':');
    if (colon == NULL || colon == address || strchr(address, '/') != NULL) {
        return err_set(err, "\"%s\" is not host:port", address);
    }
    if (!text_to_int(text_of(colon + 1), &number) || number < 1 || number > 65535) {
        return err_set(err, "\"%s\" has no port from 1 to 65535", address);
    }
    *colon = '\0';
    *port = colon + 1;
    return 0;
}

static int add_static(struct peers *peers, char *list, struct err *err)
{
    char *rest = NULL;
    for (char *address = strtok_r(list, ",", &rest); address != NULL;
         address = strtok_r(NULL, ",", &rest)) {
        char *port;
        struct in_addr number;
        if (split_address(address, &port, err) != 0) return -1;
        if (inet_pton(AF_INET, address, &number) != 1)
            return err_set(err, "\"%s\" is not an IPv4 number", address);
        if (!add_peer(peers, address, port, err)) return -1;
    }
    return peers->first != NULL ? 0 : err_set(err, "no address after static:");
}

static int read_spec(struct peers *peers, const char *spec, struct err *err)
{
    static const char fixed[] = "static:", named[] = "tcp://";
    char *copy = mem_string(text_of(spec));
    int result = 0;
    if (text_starts(text_of(spec), fixed)) {
        result = add_static(peers, copy + strlen(fixed), err);
    } else if (!text_starts(text_of(spec), named)) {
        result = err_set(err, "neither tcp://name:port nor static:number:port,…");
    } else {
        char *host = copy + strlen(named), *port;
        result = split_address(host, &port, err);
        if (result == 0) peers->host = mem_string(text_of(host));
        if (result == 0) peers->port = mem_string(text_of(port));
    }
    free(copy);
    return result;
}

struct peers *peers_create(struct bus *bus, const char *name, const char *spec,
                           const struct peers_hooks *hooks, struct err *err)
{
    assert(hooks->id_of != NULL && (hooks->hello == NULL || hooks->welcome != NULL));
    struct peers *peers = mem_alloc(sizeof(*peers));
    peers->bus = bus;
    peers->name = mem_string(text_of(name));
    peers->hooks = *hooks;
    asks_init(&peers->waiting);
    if (read_spec(peers, spec, err) != 0) {
        err_prefix(err, "address of %s", name);
        peers_destroy(peers);
        return NULL;
    }
    if (peers->host != NULL) loop_timer_start(&peers->timer, 0, 0, resolve, peers);
    return peers;
}

void peers_destroy(struct peers *peers)
{
    if (peers == NULL || peers->closed) return;
    peers->closed = true;
    loop_timer_stop(&peers->timer);
    loop_lookup_cancel(peers->lookup);
    end_all(&peers->waiting, PEERS_CLOSED);
    for (struct peer *peer = peers->first, *next; peer != NULL; peer = next) {
        next = peer->next;
        end_all(&peer->queued, PEERS_CLOSED);
        end_all(&peer->sent, PEERS_CLOSED);
        drop_peer(peer);
    }
    peers->first = NULL;
    loop_soon(free, peers->name);
    loop_soon(free, peers->host);
    loop_soon(free, peers->port);
    loop_soon(free, peers);
}

size_t peers_n(const struct peers *peers)
{
    size_t n = 0;
    for (const struct peer *peer = peers->first; peer != NULL; peer = peer->next) n++;
    return n;
}

const char *peers_address(const struct peers *peers, size_t i)
{
    return peer_at(peers, i)->address;
}

bool peers_ready(const struct peers *peers, size_t i)
{
    const struct peer *peer = peer_at(peers, i);
    return peer != NULL && peer->ready;
}

size_t peers_open(const struct peers *peers)
{
    return peers->open;
}
