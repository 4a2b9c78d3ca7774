#include "net/zap.h"

#include "base/arena.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/uuid.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

/* https://rfc.zeromq.org/spec/27: a request is these frames, for CURVE with 32 bytes of key behind them. */
enum { VERSION, REQUEST, DOMAIN, ADDRESS, IDENTITY, MECHANISM, KEY, FRAMES };
enum { FRAME_SIZE = 256, PATIENCE_MS = 5000, KEY_BYTES = 32 };

struct frame {
    char at[FRAME_SIZE];
    size_t len;
};

struct zap {
    void *context;
    struct keys *keys;
    void *door, *rein;  /* the thread's: requests; a byte from zap_stop() */
    atomic_bool tested; /* refusals before are part of the test */
    void *hand;         /* the other end of the rein */
    pthread_t thread;
};

/* --- the thread --- */

/* How many frames came; what is longer than FRAME_SIZE is cut. */
static size_t read_request(void *door, struct frame *frames)
{
    int more = 1;
    size_t n = 0, size = sizeof(more);
    while (more) {
        struct frame extra, *frame = n < FRAMES ? &frames[n] : &extra;
        int len = zmq_recv(door, frame->at, FRAME_SIZE - 1, 0);
        if (len < 0) return 0;
        frame->len = len < FRAME_SIZE ? (size_t)len : FRAME_SIZE - 1;
        frame->at[frame->len] = '\0';
        n++;
        if (zmq_getsockopt(door, ZMQ_RCVMORE, &more, &size) != 0) return 0;
    }
    return n;
}

static unsigned roles_of(const char *domain)
{
    if (strcmp(domain, ZAP_FEED) == 0)
        return ROLE_SUBSCRIBER | ROLE_SERVICE | ROLE_GATEWAY | ROLE_OPERATOR;
    return strcmp(domain, ZAP_RPC) == 0 ? ROLE_ANY : 0;
}

static bool is_admitted(struct zap *zap, const struct frame *frames, size_t n, char key[KEY_SIZE])
{
    key[0] = '\0';
    if (n != FRAMES || strcmp(frames[VERSION].at, "1.0") != 0 ||
        strcmp(frames[MECHANISM].at, "CURVE") != 0 || frames[KEY].len != KEY_BYTES)
        return false;
    zmq_z85_encode(key, (const uint8_t *)frames[KEY].at, KEY_BYTES);
    return keys_admit(zap->keys, text_of(key), roles_of(frames[DOMAIN].at));
}

static void answer(struct zap *zap, const struct frame *frames, size_t n)
{
    char key[KEY_SIZE];
    bool admitted = is_admitted(zap, frames, n, key);
    const char *parts[] = {"1.0",
                           frames[REQUEST].at,
                           admitted ? "200" : "400",
                           admitted ? "OK" : "no such key",
                           admitted ? key : "",
                           ""};
    for (size_t i = 0; i < COUNT(parts); i++) {
        size_t len = i == 1 ? frames[REQUEST].len : strlen(parts[i]);
        zmq_send(zap->door, parts[i], len, i + 1 < COUNT(parts) ? ZMQ_SNDMORE : 0);
    }
    if (!admitted && zap->tested)
        log_warn("key_refused", "address=%s door=%s key=%s",
                 log_quoted(n > ADDRESS ? frames[ADDRESS].at : "?"),
                 log_quoted(n > DOMAIN ? frames[DOMAIN].at : "?"), log_quoted(key));
}

static void *serve(void *ctx)
{
    struct zap *zap = ctx;
    struct frame frames[FRAMES];
    zmq_pollitem_t items[] = {{.socket = zap->door, .events = ZMQ_POLLIN},
                              {.socket = zap->rein, .events = ZMQ_POLLIN}};
    while (true) {
        int ready = zmq_poll(items, COUNT(items), -1);
        if (ready < 0 && errno != EINTR) break;
        if (ready <= 0) continue;
        if (items[1].revents & ZMQ_POLLIN) return NULL;
        size_t n = items[0].revents & ZMQ_POLLIN ? read_request(zap->door, frames) : 0;
        if (fail_now("zap")) break;
        if (n > REQUEST) answer(zap, frames, n);
    }
    fatal("restart it: nobody is let in unasked", "the ZAP thread ended: %s", zmq_strerror(errno));
}

/* --- the test: a server and clients of its own, over an abstract local address --- */

enum verdict { NO_VERDICT, LET_IN, TURNED_AWAY };

static void *open_socket(void *context, int type)
{
    void *socket = zmq_socket(context, type);
    int linger = 0, patience = PATIENCE_MS;
    if (socket == NULL) return NULL;
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof(linger));
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience, sizeof(patience));
    return socket;
}

static enum verdict read_verdict(void *monitor)
{
    while (true) {
        uint8_t event[6] = {0};
        char address[FRAME_SIZE];
        uint16_t number;
        if (zmq_recv(monitor, event, sizeof(event), 0) < 0 ||
            zmq_recv(monitor, address, sizeof(address), 0) < 0)
            return NO_VERDICT;
        memcpy(&number, event, sizeof(number));
        if (number == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) return LET_IN;
        if (number == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) return TURNED_AWAY;
    }
}

/* Was the message heard, under the name of this key? */
static bool is_heard(void *server, const char *key)
{
    zmq_msg_t parts[2];
    bool heard = true;
    for (size_t i = 0; i < COUNT(parts); i++) {
        zmq_msg_init(&parts[i]);
        heard = heard && zmq_msg_recv(&parts[i], server, 0) >= 0;
    }
    const char *user = heard ? zmq_msg_gets(&parts[1], "User-Id") : NULL;
    heard = user != NULL && strcmp(user, key) == 0;
    for (size_t i = 0; i < COUNT(parts); i++) zmq_msg_close(&parts[i]);
    return heard;
}

static enum verdict knock(const struct zap *zap, void *server, const char *endpoint,
                          const char *public_key, const char *secret_key)
{
    enum verdict verdict = NO_VERDICT;
    void *client = open_socket(zap->context, ZMQ_DEALER),
         *monitor = open_socket(zap->context, ZMQ_PAIR);
    int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
    char place[64];
    snprintf(place, sizeof(place), "inproc://zap-test-%p", client);
    if (client == NULL || monitor == NULL) goto out;
    zmq_setsockopt(client, ZMQ_CURVE_SERVERKEY, keys_public(zap->keys), KEY_SIZE);
    zmq_setsockopt(client, ZMQ_CURVE_PUBLICKEY, public_key, KEY_SIZE);
    zmq_setsockopt(client, ZMQ_CURVE_SECRETKEY, secret_key, KEY_SIZE);
    if (zmq_socket_monitor(client, place, events) != 0 || zmq_connect(monitor, place) != 0 ||
        zmq_connect(client, endpoint) != 0 || zmq_send(client, "?", 1, 0) < 0)
        goto out;
    verdict = read_verdict(monitor);
    if (verdict == LET_IN && !is_heard(server, public_key)) verdict = NO_VERDICT;
out:
    if (client != NULL) zmq_socket_monitor(client, NULL, 0);
    zmq_close(monitor);
    zmq_close(client);
    return verdict;
}

static int test(const struct zap *zap, struct err *err)
{
    char endpoint[100], unique[17], public_key[KEY_SIZE], secret_key[KEY_SIZE];
    int yes = 1, bad = 0;
    void *server = open_socket(zap->context, ZMQ_ROUTER);
    keys_new_pair(public_key, secret_key);
    uuid_hex(unique, 8);
    snprintf(endpoint, sizeof(endpoint), "ipc://@kefu-zap-%s", unique);
    if (server == NULL || zmq_setsockopt(server, ZMQ_CURVE_SERVER, &yes, sizeof(yes)) != 0 ||
        zmq_setsockopt(server, ZMQ_CURVE_SECRETKEY, keys_secret(zap->keys), KEY_SIZE) != 0 ||
        zmq_setsockopt(server, ZMQ_ZAP_DOMAIN, ZAP_RPC, strlen(ZAP_RPC)) != 0 ||
        zmq_bind(server, endpoint) != 0)
        bad = err_set(err, "cannot test the ZAP handler: %s", zmq_strerror(errno));
    else if (knock(zap, server, endpoint, public_key, secret_key) != TURNED_AWAY)
        bad = err_set(err, "the ZAP handler does not refuse unknown keys");
    else if (knock(zap, server, endpoint, keys_public(zap->keys), keys_secret(zap->keys)) != LET_IN)
        bad = err_set(err, "the ZAP handler refuses the key of %s itself: is it in the list?",
                      keys_name(zap->keys));
    zmq_close(server);
    return bad;
}

/* --- life --- */

static int open_doors(struct zap *zap)
{
    char place[64];
    snprintf(place, sizeof(place), "inproc://zap-rein-%p", (void *)zap);
    zap->door = open_socket(zap->context, ZMQ_REP);
    zap->rein = open_socket(zap->context, ZMQ_PAIR);
    zap->hand = open_socket(zap->context, ZMQ_PAIR);
    if (zap->door == NULL || zap->rein == NULL || zap->hand == NULL) return -1;
    if (zmq_bind(zap->rein, place) != 0 || zmq_connect(zap->hand, place) != 0) return -1;
    return zmq_bind(zap->door, "inproc://zeromq.zap.01");
}

/* Signals are for the loop's thread. */
static int start_thread(struct zap *zap)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int bad = pthread_create(&zap->thread, NULL, serve, zap);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return bad;
}

static void close_doors(struct zap *zap)
{
    zmq_close(zap->door);
    zmq_close(zap->rein);
    zmq_close(zap->hand);
    free(zap);
}

struct zap *zap_start(void *context, struct keys *keys, struct err *err)
{
    struct zap *zap = mem_alloc(sizeof(*zap));
    zap->context = context;
    zap->keys = keys;
    if (open_doors(zap) != 0) {
        err_set(err, "cannot start the ZAP handler: %s", zmq_strerror(errno));
        close_doors(zap);
        return NULL;
    }
    int bad = start_thread(zap);
    if (bad != 0) {
        err_set(err, "cannot start the ZAP handler: %s", strerror(bad));
        close_doors(zap);
        return NULL;
    }
    if (test(zap, err) == 0) {
        zap->tested = true;
        return zap;
    }
    zap_stop(zap);
    return NULL;
}

void zap_stop(struct zap *zap)
{
    if (zap == NULL) return;
    zmq_send(zap->hand, "", 0, 0);
    pthread_join(zap->thread, NULL);
    close_doors(zap);
}
