/* One connection over a pair of sockets, past its handshake: the keys are the test's. */
#include "net/connection.h"

#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "net/zmtp.h"
#include "test.h"

enum { PINGS = 500, ROOM = 2000 };

static struct {
    struct connection_rules rules;
    struct connection *connection;
    int client;
    uint64_t said;
    size_t most; /* that ever waited */
    const char *why;
} it;

/* As a listener whose other connections leave ROOM for this one. */
static bool may_keep(void *ctx, const struct connection *c, size_t more)
{
    size_t waiting = connection_waiting(c);
    (void)ctx;
    if (waiting > it.most) it.most = waiting;
    return waiting + more <= ROOM;
}

static void on_dirty(void *ctx)
{
    (void)ctx; /* the client takes nothing */
}

static void on_end(void *ctx, struct connection *c, const char *why, const struct err *err)
{
    (void)ctx, (void)c, (void)err;
    it.why = why == NULL ? "by intent" : why;
    loop_stop();
}

static void start(void)
{
    int ends[2];
    struct err err;
    struct sockaddr_in address = {0};
    CHECK(curve_start(&err) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    it.rules.may_keep = may_keep;
    it.rules.on_dirty = on_dirty;
    it.rules.on_end = on_end;
    it.client = ends[1];
    it.connection = connection_open(&it.rules, ends[0], &address);
    it.connection->stage = STAGE_OPEN;
    randombytes_buf(it.connection->curve.shared, CURVE_KEY_BYTES);
}

/* Append a MESSAGE of the client. */
static void add_message(struct buf *out, unsigned char flags, text content)
{
    unsigned char nonce[24] = "CurveZMQMESSAGEC", plain[64] = {flags}, box[64 + 16];
    size_t len = content.len + 1;
    nonce[22] = (unsigned char)(++it.said >> 8);
    nonce[23] = (unsigned char)it.said;
    memcpy(plain + 1, content.at, content.len);
    crypto_box_easy_afternm(box, plain, len, nonce, it.connection->curve.shared);
    zmtp_add_head(out, 0, content.len + CURVE_AROUND);
    buf_add(out, "\7MESSAGE", 8);
    buf_add(out, nonce + 16, 8);
    buf_add(out, box, len + 16);
}

static void give_up(void *ctx)
{
    (void)ctx;
    loop_stop();
}

TEST(pongs_that_nobody_takes_count_as_answers_do)
{
    struct buf pings = {0};
    struct loop_timer timer = {0};
    start();
    for (int i = 0; i < PINGS; i++)
        add_message(&pings, CURVE_COMMAND, (text){"\4PING\0\144sixteen bytes ..", 23});
    CHECK(write(it.client, pings.at, pings.len) == (ssize_t)pings.len);
    loop_timer_start(&timer, 2000, 0, give_up, NULL);
    loop_run();
    loop_timer_stop(&timer);
    CHECK_STRING(it.why == NULL ? "goes on" : it.why, "slow");
    CHECK(it.most > 0 && it.most <= ROOM);
    connection_end(it.connection, NULL, NULL);
    close(it.client);
    buf_finish(&pings);
}
