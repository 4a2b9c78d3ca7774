/*
 * peers: the replicas of one service as a client sees them. The service's name is resolved again
 * and again, off the loop, and all its addresses are used, one link each, until one is neither
 * named nor connected any more; asks are spread over those that are ready, and answers find their
 * asks by id.
 */
#ifndef KEFU_PEERS_H
#define KEFU_PEERS_H

#include "base/buf.h"
#include "net/bus.h"

struct peers;

struct peers_hooks {
    /* The id in an answer's header, absent if there is none to be read. Borrowed until the next
       call. Required. */
    text (*id_of)(void *ctx, text frame);
    /* The set of addresses changed, or one became ready or ceased to be: indexes may mean other
       peers now. May be NULL. */
    void (*on_change)(void *ctx);
    /* Optional. After connecting: write the first frame and its id. The peer is ready only when
       `welcome` accepts the answer; until then, and if it does not, the peer is hung up on and
       tried again some seconds later. */
    void (*hello)(void *ctx, struct buf *frame, struct buf *id);
    bool (*welcome)(void *ctx, const char *address, text frame);
    void *ctx;
};

/* `spec` is "tcp://routing:7102" (a name or a number), or "static:127.0.0.1:7102,127.0.0.1:7103".
   `name` is the service: its key must answer, and it is in the log. NULL with err if it is
   malformed. */
MUST_CHECK struct peers *peers_create(struct bus *bus, const char *name, const char *spec,
                                      const struct peers_hooks *hooks, struct err *err);
/* Asks still open end with PEERS_CLOSED first. NULL is fine. */
void peers_destroy(struct peers *peers);

size_t peers_n(const struct peers *peers);
/* "tcp://10.0.0.3:7102" */
const char *peers_address(const struct peers *peers, size_t i);
bool peers_ready(const struct peers *peers, size_t i);

enum peers_status {
    PEERS_ANSWERED,
    PEERS_TIMED_OUT,   /* sent, and no answer in time; one that comes later is dropped */
    PEERS_UNREACHABLE, /* the connection was lost before an answer, or there was none in time */
    PEERS_CLOSED       /* peers_destroy(): do not ask again */
};

enum { PEERS_ANY = -1 };

/* Ask one peer: the one at index `which`, or with PEERS_ANY the next that is ready, waiting for one
   if there is none yet. fn is called exactly once, never from within this call; `frame` (absent
   unless answered) lives during the call. Unless the answer came, the ask may or may not have been
   heard. The id must differ from those of all open asks. */
void peers_ask(struct peers *peers, int which, text frame, text id, int64_t timeout_ms,
               void (*fn)(void *ctx, enum peers_status status, text frame), void *ctx);
/* Send every peer that is ready a frame that nobody answers (a hint). It may be lost. */
void peers_tell(struct peers *peers, text frame);
/* Asks that have not ended. */
size_t peers_open(const struct peers *peers);

#endif
