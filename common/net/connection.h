/*
 * connection: one client of a listener: handshake, messages in, messages out. What it may cost is
 * bounded: a handshake has two commands of known sizes; a message is one frame of at most
 * MESSAGE_MAX bytes; while more than OUT_HIGH bytes wait to be taken by the client, nothing is read
 * from it, and it must take some of them within OUT_STUCK_MS; its commands have a rate.
 */
#ifndef KEFU_CONNECTION_H
#define KEFU_CONNECTION_H

#include <netinet/in.h>
#include <uv.h>

#include "base/bucket.h"
#include "net/curve.h"
#include "net/keys.h"

enum {
    MESSAGE_MAX = 1 << 20, /* above the 256 KiB of a good message, so that its sender can be told */
    OUT_HIGH = 256 << 10,
    OUT_MAX = 32 << 20, /* answers are at most half of it */
    READ_SIZE = 32 << 10
};

/* Of what no request's limit counts: commands, and a subscriber's messages. A second; at once. */
enum { EXTRAS_RATE = 50, EXTRAS_BURST = 512 };

enum stage {
    STAGE_GREETING,
    STAGE_HELLO,
    STAGE_INITIATE,
    STAGE_OPEN,
    STAGE_LEAVING /* its last bytes are written, nothing is read */
};

struct connection;

/* Shared by all connections of one listener. */
struct connection_rules {
    struct curve_pair pair;
    const char *socket_type;    /* of the server */
    const char *const *clients; /* types of sockets that may connect, NULL behind the last */
    /* Before the expensive part of a handshake. */
    bool (*may_begin)(void *ctx, struct connection *connection);
    /* `user` has proved its key: may it come in? */
    bool (*may_enter)(void *ctx, struct connection *connection);
    /* Room for `more` bytes of it that wait here, for the rest of a message or for the client? */
    bool (*may_keep)(void *ctx, const struct connection *connection, size_t more);
    void (*on_message)(void *ctx, struct connection *connection, text message);
    void (*on_command)(void *ctx, struct connection *connection, text command);
    void (*on_dirty)(void *ctx); /* bytes wait in the list of `dirty` ones */
    /* Called once; the connection lives on while it is held. */
    void (*on_end)(void *ctx, struct connection *connection, const char *why,
                   const struct err *err);
    void *ctx;
    struct connection *dirty; /* to be flushed; each is held meanwhile */
    size_t kept;              /* bytes that all connections keep in memory */
    char scratch[READ_SIZE];  /* what is being read: connections are read one after the other */
};

struct connection {
    struct connection_rules *rules;
    struct connection *next, *previous; /* the listener's list */
    void *tag;                          /* the owner's, who frees it in on_end */
    struct sockaddr_in address;
    int64_t begun_ms, heard_ms, pinged_ms, moved_ms;
    int64_t held_until_ms; /* not read before; 0: is read */
    enum stage stage;
    char user[KEY_SIZE]; /* the public key of the client, from STAGE_OPEN on */
    struct curve curve;
    struct buf in;  /* the beginning of a message */
    struct buf out; /* sealed; `out_sent` bytes of it were taken */
    size_t out_sent;
    struct bucket extras;
    bool deaf; /* nothing is read any more */
    /* private */
    uv_poll_t poll;
    int fd, polled;
    size_t holds, kept;
    struct connection *next_dirty;
    bool dirty, busy; /* with what it read: a hook may come back here */
};

/* Takes the descriptor. It is in nobody's list yet. */
struct connection *connection_open(struct connection_rules *rules, int fd,
                                   const struct sockaddr_in *address);
/* NULL for err: by intent, or the client hung up. Once ended, everything here does nothing. */
void connection_end(struct connection *connection, const char *why, const struct err *err);
bool connection_ended(const struct connection *connection);
/* It stays in memory, even ended, until released as often. */
void connection_hold(struct connection *connection);
void connection_release(struct connection *connection);

/* Append a message of these parts (OPEN only), to be flushed at the end of the loop's turn. A
   client that leaves too much lying is hung up on. */
void connection_send(struct connection *connection, const text *parts, size_t n);
void connection_ping(struct connection *connection);
/* Write what the client's side takes: of one, of all that are dirty. */
void connection_flush(struct connection *connection);
void connection_flush_all(struct connection_rules *rules);
size_t connection_waiting(const struct connection *connection);
/* One more of the extras came: beyond their rate the client is heard later. The connection itself
   does this for commands. */
void connection_charge(struct connection *connection);
/* Read nothing for so long: for a client that asks for more than it may. */
void connection_defer(struct connection *connection, int64_t ms);
/* Go on reading, if `held_until_ms` allows it. */
void connection_resume(struct connection *connection);
/* "10.0.0.7:51324", in a static buffer. */
const char *connection_address(const struct connection *connection);

#endif
