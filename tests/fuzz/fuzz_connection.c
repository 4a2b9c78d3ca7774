/* Any bytes from a client, before its handshake and (with the first byte odd) after it: the bytes
   are then cut into messages that open. The connection answers, goes on or ends with a reason. */
#include "net/connection.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "net/zmtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CUT_MAX = 256, ROOM = 64 << 10, TURN_MS = 1 };

static const char *const clients[] = {"DEALER", NULL};
static struct connection_rules rules;
static size_t ended;

static bool may(void *ctx, struct connection *c)
{
    (void)ctx, (void)c;
    return true;
}

static bool may_keep(void *ctx, const struct connection *c, size_t more)
{
    (void)ctx;
    return connection_waiting(c) + c->in.len + more <= ROOM;
}

/* As a server answers: every other message at once. */
static void on_message(void *ctx, struct connection *c, text message)
{
    (void)ctx;
    if (message.len % 2 == 0) connection_send(c, &message, 1);
    if (message.len % 7 == 3) connection_defer(c, TURN_MS);
    if (message.len % 31 == 5) connection_end(c, NULL, NULL);
}

static void on_dirty(void *ctx)
{
    (void)ctx;
}

static void on_end(void *ctx, struct connection *c, const char *why, const struct err *err)
{
    (void)ctx, (void)c;
    if (why != NULL && strcmp(why, "protocol") == 0 && err->message[0] == '\0') abort();
    ended++;
}

static void prepare(void)
{
    struct err err;
    if (rules.on_end != NULL) return;
    if (curve_start(&err) < 0) abort();
    crypto_box_keypair(rules.pair.public_key, rules.pair.secret_key);
    rules.socket_type = "ROUTER";
    rules.clients = clients;
    rules.may_begin = rules.may_enter = may;
    rules.may_keep = may_keep;
    rules.on_message = rules.on_command = on_message;
    rules.on_dirty = on_dirty;
    rules.on_end = on_end;
}

/* Append a MESSAGE of the client. */
static void seal(struct buf *out, const struct connection *c, uint64_t number, text plain)
{
    unsigned char nonce[24] = "CurveZMQMESSAGEC", box[CUT_MAX + 16];
    for (int i = 0; i < 8; i++) nonce[16 + i] = (unsigned char)(number >> (56 - 8 * i));
    crypto_box_easy_afternm(box, (const unsigned char *)plain.at, plain.len, nonce,
                            c->curve.shared);
    zmtp_add_head(out, 0, 16 + 16 + plain.len);
    buf_add(out, "\7MESSAGE", 8);
    buf_add(out, nonce + 16, 8);
    buf_add(out, box, plain.len + 16);
}

/* Each piece has its length before it. */
static void seal_all(struct buf *out, const struct connection *c, text rest)
{
    for (uint64_t number = 1; rest.len > 1; number++) {
        size_t len = (unsigned char)rest.at[0];
        if (len > rest.len - 1) len = rest.len - 1;
        seal(out, c, number, (text){rest.at + 1, len});
        rest = (text){rest.at + 1 + len, rest.len - 1 - len};
    }
}

static void stop(void *ctx)
{
    (void)ctx;
    loop_stop();
}

static void turn(void)
{
    struct loop_timer timer = {0};
    loop_timer_start(&timer, TURN_MS, 0, stop, NULL);
    loop_run();
    loop_timer_stop(&timer);
    connection_flush_all(&rules);
}

/* In two pieces, cut where the second byte says. */
static void say(int fd, text bytes, size_t cut)
{
    size_t first = cut < bytes.len ? cut : bytes.len;
    if (send(fd, bytes.at, first, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) turn();
    if (send(fd, bytes.at + first, bytes.len - first, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) turn();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int ends[2];
    struct sockaddr_in address = {0};
    struct buf bytes = {0};
    if (size < 3) return 0;
    prepare();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0) abort();
    struct connection *c = connection_open(&rules, ends[0], &address);
    text rest = {(const char *)data + 2, size - 2};
    if (data[0] & 1) {
        c->stage = STAGE_OPEN;
        seal_all(&bytes, c, rest);
    } else {
        buf_add_text(&bytes, rest);
    }
    connection_hold(c);
    ended = 0;
    say(ends[1], buf_text(&bytes), data[1]);
    connection_end(c, NULL, NULL);
    if (ended != 1 || rules.kept != 0) abort();
    connection_release(c);
    turn();
    close(ends[1]);
    buf_finish(&bytes);
    return 0;
}
