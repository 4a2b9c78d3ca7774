#include "net/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/loop.h"
#include "net/zmtp.h"

enum {
    KEPT_ROOM = 4096,
    PING_TTL_DECISECONDS = 100,
    PING_SIZE = 7,
    PONG_SIZE = 5,
    CONTEXT_MAX = 16
};
enum { DISCARDED_MAX = 1 << 20, DISCARD_SIZE = 4096 };

static void read_some(struct connection *c);

/* Reading stops where the client is slow to take what it asked for, or has asked for too much. */
static bool wants_to_read(const struct connection *c)
{
    return c->stage != STAGE_LEAVING && !c->deaf && c->held_until_ms == 0 &&
           connection_waiting(c) < OUT_HIGH;
}

static void on_ready(uv_poll_t *handle, int status, int events)
{
    struct connection *c = handle->data;
    connection_hold(c);
    if (status != 0) {
        connection_end(c, "lost", NULL);
    } else {
        if ((events & UV_WRITABLE) != 0) connection_flush(c);
        if ((events & UV_READABLE) != 0 && wants_to_read(c)) read_some(c);
    }
    connection_release(c);
}

static void note_kept(struct connection *c)
{
    size_t kept = c->in.room + c->out.room;
    c->rules->kept += kept - c->kept;
    c->kept = kept;
}

static void watch(struct connection *c)
{
    if (connection_ended(c)) return;
    note_kept(c);
    int wanted = (wants_to_read(c) ? UV_READABLE : 0) |
                 (connection_waiting(c) > 0 && !c->dirty ? UV_WRITABLE : 0);
    if (wanted == c->polled) return;
    c->polled = wanted;
    if (wanted == 0)
        uv_poll_stop(&c->poll);
    else
        uv_poll_start(&c->poll, wanted, on_ready);
}

/* --- life --- */

static void mark_dirty(struct connection *c)
{
    if (c->dirty) return;
    c->dirty = true;
    c->next_dirty = c->rules->dirty;
    c->rules->dirty = c;
    connection_hold(c);
    c->rules->on_dirty(c->rules->ctx);
}

struct connection *connection_open(struct connection_rules *rules, int fd,
                                   const struct sockaddr_in *address)
{
    struct connection *c = mem_alloc(sizeof(*c));
    *c = (struct connection){.rules = rules, .fd = fd, .address = *address, .holds = 1};
    c->begun_ms = c->heard_ms = c->moved_ms = loop_now_ms();
    if (uv_poll_init_socket(loop_get(), &c->poll, fd) != 0) {
        close(fd);
        free(c);
        return NULL;
    }
    c->poll.data = c;
    zmtp_add_greeting(&c->out);
    mark_dirty(c);
    watch(c);
    return c;
}

void connection_hold(struct connection *c)
{
    c->holds++;
}

void connection_release(struct connection *c)
{
    if (--c->holds > 0) return;
    curve_finish(&c->curve);
    buf_finish(&c->in);
    buf_finish(&c->out);
    free(c);
}

static void on_closed(uv_handle_t *handle)
{
    connection_release(handle->data);
}

/* A descriptor closed with bytes unread is reset, and the client might lose what was written
   last. */
static void close_gently(int fd)
{
    char discarded[DISCARD_SIZE];
    ssize_t n = 1;
    shutdown(fd, SHUT_WR);
    for (size_t all = 0; all < DISCARDED_MAX && n > 0; all += (size_t)n)
        n = recv(fd, discarded, sizeof(discarded), MSG_DONTWAIT);
    close(fd);
}

void connection_end(struct connection *c, const char *why, const struct err *err)
{
    if (connection_ended(c)) return;
    int fd = c->fd;
    c->fd = -1;
    uv_close((uv_handle_t *)&c->poll, on_closed); /* before its descriptor goes away */
    close_gently(fd);
    c->rules->kept -= c->kept; /* what is still held is freed soon */
    c->kept = 0;
    c->rules->on_end(c->rules->ctx, c, why, err);
}

bool connection_ended(const struct connection *c)
{
    return c->fd < 0;
}

const char *connection_address(const struct connection *c)
{
    static char address[INET_ADDRSTRLEN + 8];
    char host[INET_ADDRSTRLEN] = "?";
    inet_ntop(AF_INET, &c->address.sin_addr, host, sizeof(host));
    text_format(address, sizeof(address), "%s:%u", host, ntohs(c->address.sin_port));
    return address;
}

/* --- writing --- */

size_t connection_waiting(const struct connection *c)
{
    return c->out.len - c->out_sent;
}

static void seal_part(struct connection *c, unsigned flags, text part)
{
    if (connection_waiting(c) == 0) c->moved_ms = loop_now_ms();
    zmtp_add_head(&c->out, 0, part.len + CURVE_AROUND);
    curve_seal(&c->curve, flags, part, &c->out);
    mark_dirty(c);
}

/* Room for `size` more bytes that wait for the client, or else it is hung up on. */
static bool waiting_fits(struct connection *c, size_t size)
{
    if (connection_waiting(c) + size <= OUT_MAX && c->rules->may_keep(c->rules->ctx, c, size))
        return true;
    connection_end(c, "slow", NULL);
    return false;
}

void connection_send(struct connection *c, const text *parts, size_t n)
{
    size_t size = 0;
    for (size_t i = 0; i < n; i++) size += parts[i].len + CURVE_AROUND + ZMTP_HEAD_MAX;
    if (connection_ended(c) || c->stage != STAGE_OPEN || !waiting_fits(c, size)) return;
    for (size_t i = 0; i < n; i++) seal_part(c, i + 1 < n ? CURVE_MORE : 0, parts[i]);
    note_kept(c);
}

void connection_ping(struct connection *c)
{
    static const char ping[PING_SIZE] = {4, 'P', 'I', 'N', 'G', 0, PING_TTL_DECISECONDS};
    if (connection_ended(c) || c->stage != STAGE_OPEN) return;
    c->pinged_ms = loop_now_ms();
    seal_part(c, CURVE_COMMAND, (text){ping, sizeof(ping)});
}

/* Sent bytes are dropped, without a memmove at every step. */
static void forget_sent(struct connection *c)
{
    if (c->out_sent == c->out.len) {
        c->out_sent = 0;
        buf_clear(&c->out);
        if (c->out.room > KEPT_ROOM) buf_finish(&c->out);
    } else if (c->out_sent > c->out.len / 2) {
        memmove(c->out.at, c->out.at + c->out_sent, connection_waiting(c));
        c->out.len -= c->out_sent;
        c->out_sent = 0;
    }
}

void connection_flush(struct connection *c)
{
    if (connection_ended(c)) return;
    while (connection_waiting(c) > 0) {
        ssize_t n = send(c->fd, c->out.at + c->out_sent, connection_waiting(c),
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) {
            connection_end(c, "lost", NULL);
            return;
        }
        if (n <= 0) break;
        c->out_sent += (size_t)n;
        c->moved_ms = loop_now_ms();
    }
    forget_sent(c);
    if (c->stage == STAGE_LEAVING && connection_waiting(c) == 0)
        connection_end(c, NULL, NULL);
    else
        connection_resume(c);
}

void connection_flush_all(struct connection_rules *rules)
{
    while (rules->dirty != NULL) {
        struct connection *c = rules->dirty;
        rules->dirty = c->next_dirty;
        c->dirty = false;
        connection_flush(c);
        connection_release(c);
    }
}

/* --- the handshake --- */

static void add_command(struct connection *c, const struct buf *command)
{
    zmtp_add_head(&c->out, ZMTP_COMMAND, command->len);
    buf_add_text(&c->out, buf_text(command));
    mark_dirty(c);
}

static int take_hello(struct connection *c, text hello, struct err *err)
{
    struct buf welcome = {0};
    int bad = c->rules->may_begin(c->rules->ctx, c)
                  ? curve_hello(&c->curve, &c->rules->pair, hello, &welcome, err)
                  : err_set(err, "too many handshakes a second");
    if (bad == 0) add_command(c, &welcome);
    c->stage = STAGE_INITIATE;
    buf_finish(&welcome);
    return bad;
}

static int check_type(const struct connection *c, text metadata, struct err *err)
{
    text type;
    if (zmtp_find_property(metadata, "Socket-Type", &type, err) < 0) return -1;
    for (const char *const *client = c->rules->clients; *client != NULL; client++)
        if (text_is(type, *client)) return 0;
    return err_set(err, "a %s does not talk with this type of socket", c->rules->socket_type);
}

static void add_ready(struct connection *c)
{
    struct buf metadata = {0}, ready = {0};
    zmtp_add_property(&metadata, "Socket-Type", text_of(c->rules->socket_type));
    zmtp_add_property(&metadata, "Identity", (text){0});
    curve_ready(&c->curve, buf_text(&metadata), &ready);
    add_command(c, &ready);
    buf_finish(&metadata);
    buf_finish(&ready);
}

/* The client's library stops trying when it is told so; the words are those of ZAP. */
static void add_refusal(struct connection *c)
{
    struct buf error = {0};
    buf_add(&error, "\5ERROR\003400", 10);
    add_command(c, &error);
    buf_finish(&error);
}

static int take_initiate(struct connection *c, text initiate, struct err *err)
{
    char room[CURVE_INITIATE_MAX];
    text metadata;
    if (curve_initiate(&c->curve, &c->rules->pair, initiate, room, &metadata, err) < 0 ||
        check_type(c, metadata, err) < 0)
        return -1;
    keys_encode(c->curve.client, c->user);
    if (c->rules->may_enter(c->rules->ctx, c)) {
        c->stage = STAGE_OPEN;
        add_ready(c);
    } else {
        c->stage = STAGE_LEAVING;
        add_refusal(c);
    }
    return 0;
}

/* --- messages --- */

static bool is_named(text command, const char *name)
{
    size_t len = strlen(name);
    return command.len > len && (unsigned char)command.at[0] == len &&
           memcmp(command.at + 1, name, len) == 0;
}

/* A PONG waits for the client as an answer does, and counts like one. */
static void answer_ping(struct connection *c, text context)
{
    char pong[PONG_SIZE + CONTEXT_MAX] = {4, 'P', 'O', 'N', 'G'};
    size_t len = context.len > CONTEXT_MAX ? CONTEXT_MAX : context.len;
    if (!waiting_fits(c, PONG_SIZE + len + CURVE_AROUND + ZMTP_HEAD_MAX)) return;
    memcpy(pong + PONG_SIZE, context.at, len);
    seal_part(c, CURVE_COMMAND, (text){pong, PONG_SIZE + len});
    note_kept(c);
}

static void take_command(struct connection *c, text command)
{
    connection_charge(c);
    if (is_named(command, "PING") && command.len >= PING_SIZE) {
        answer_ping(c, (text){command.at + PING_SIZE, command.len - PING_SIZE});
    } else if (!is_named(command, "PONG")) {
        c->rules->on_command(c->rules->ctx, c, command);
    }
}

static int take_message(struct connection *c, char *body, size_t len, struct err *err)
{
    unsigned flags;
    text content;
    if (curve_open(&c->curve, body, len, &flags, &content, err) < 0) return -1;
    if ((flags & CURVE_RESERVED) != 0) return err_set(err, "a message has reserved flags");
    if ((flags & CURVE_MORE) != 0) return err_set(err, "a message is one frame");
    if ((flags & CURVE_COMMAND) != 0)
        take_command(c, content);
    else
        c->rules->on_message(c->rules->ctx, c, content);
    return 0;
}

static int take_frame(struct connection *c, char *body, size_t len, struct err *err)
{
    switch (c->stage) {
    case STAGE_HELLO: return take_hello(c, (text){body, len}, err);
    case STAGE_INITIATE: return take_initiate(c, (text){body, len}, err);
    case STAGE_OPEN: return take_message(c, body, len, err);
    default: return 0;
    }
}

static size_t frame_max(const struct connection *c)
{
    return c->stage == STAGE_HELLO      ? CURVE_HELLO_SIZE
           : c->stage == STAGE_INITIATE ? CURVE_INITIATE_MAX
                                        : MESSAGE_MAX + CURVE_AROUND;
}

static int check_head(const struct connection *c, const struct zmtp_head *head, struct err *err)
{
    if ((head->flags & ZMTP_RESERVED) != 0) return err_set(err, "a frame has reserved flags");
    if (head->size <= frame_max(c)) return 0;
    return err_set(err, "a frame announces %llu bytes, and %zu is the limit",
                   (unsigned long long)head->size, frame_max(c));
}

/* How many bytes were used; 0: more are needed first. */
static size_t take_one(struct connection *c, char *at, size_t len, struct err *err, int *bad)
{
    struct zmtp_head head;
    if (c->stage == STAGE_GREETING) {
        *bad = zmtp_check_greeting((text){at, len}, err);
        if (*bad < 0 || len < ZMTP_GREETING_SIZE) return 0;
        c->stage = STAGE_HELLO;
        return ZMTP_GREETING_SIZE;
    }
    if (!zmtp_read_head((text){at, len}, &head)) return 0;
    *bad = check_head(c, &head, err);
    if (*bad < 0) return 0;
    if (len - head.len < head.size) return 0;
    *bad = take_frame(c, at + head.len, head.size, err);
    return head.len + head.size;
}

/* Everything that is complete, unless reading shall stop. How many bytes were used. */
static size_t take_all(struct connection *c, char *at, size_t len)
{
    size_t used = 0, step;
    c->busy = true;
    do {
        struct err err;
        int bad = 0;
        step = take_one(c, at + used, len - used, &err, &bad);
        if (bad < 0) connection_end(c, c->stage == STAGE_OPEN ? "misbehaved" : "protocol", &err);
        used += step;
    } while (step > 0 && !connection_ended(c) && wants_to_read(c));
    c->busy = false;
    return used;
}

static void keep_rest(struct connection *c, const char *rest, size_t len)
{
    if (len == 0 || connection_ended(c)) return;
    if (!c->rules->may_keep(c->rules->ctx, c, len))
        connection_end(c, "memory", NULL);
    else
        buf_add(&c->in, rest, len);
}

static void take_kept(struct connection *c)
{
    size_t used = take_all(c, c->in.at, c->in.len);
    if (connection_ended(c) || used == 0) return;
    c->in.len -= used;
    memmove(c->in.at, c->in.at + used, c->in.len);
    if (c->in.len == 0) buf_finish(&c->in);
}

static void read_some(struct connection *c)
{
    char *scratch = c->rules->scratch;
    ssize_t n = recv(c->fd, scratch, READ_SIZE, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        struct err err;
        err_set(&err, "the client hung up");
        connection_end(c, "lost", &err);
        return;
    }
    c->heard_ms = loop_now_ms();
    c->pinged_ms = 0;
    if (c->in.len > 0) {
        keep_rest(c, scratch, (size_t)n);
        if (!connection_ended(c)) take_kept(c);
    } else {
        size_t used = take_all(c, scratch, (size_t)n);
        keep_rest(c, scratch + used, (size_t)n - used);
    }
    watch(c);
}

void connection_charge(struct connection *c)
{
    int64_t owed = bucket_owe(&c->extras, EXTRAS_BURST, EXTRAS_RATE, loop_now_ms());
    if (owed > 0) connection_defer(c, owed);
}

void connection_defer(struct connection *c, int64_t ms)
{
    int64_t until = loop_now_ms() + ms;
    if (until > c->held_until_ms) c->held_until_ms = until;
    watch(c);
}

void connection_resume(struct connection *c)
{
    if (connection_ended(c)) return;
    connection_hold(c);
    if (c->held_until_ms <= loop_now_ms()) c->held_until_ms = 0;
    if (wants_to_read(c) && c->in.len > 0 && !c->busy) take_kept(c);
    watch(c);
    connection_release(c);
}
