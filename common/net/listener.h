/*
 * listener: a service's own side of ZeroMQ: it binds an address, and ZMTP clients with a listed key
 * connect to it. It is not libzmq's, because nothing there bounds what a client may cost: the size
 * of a handshake, the parts of a message, subscriptions, answers that nobody takes; and some of its
 * states end the process (README.md, "Who may do what").
 */
#ifndef KEFU_LISTENER_H
#define KEFU_LISTENER_H

#include "base/err.h"
#include "net/keys.h"

enum listener_kind {
    LISTENER_ROUTER, /* DEALERs connect, with any key of the list */
    LISTENER_XPUB    /* SUBs connect, with a key that may hear the feed */
};

struct connection;

struct listener_hooks {
    void (*on_message)(void *ctx, struct connection *from, text message);
    /* SUBSCRIBE and CANCEL; may be NULL. */
    void (*on_command)(void *ctx, struct connection *from, text command);
    /* Once for each connection that was open; may be NULL. */
    void (*on_end)(void *ctx, struct connection *connection);
    void *ctx;
};

struct listener;
/* tcp://ADDRESS:PORT, each of both an asterisk for any that there is. The keys must outlive it,
   and must list the process's own key. */
MUST_CHECK struct listener *listener_open(struct keys *keys, enum listener_kind kind,
                                          const char *endpoint, const struct listener_hooks *hooks,
                                          struct err *err);
/* Pending output is written first, for up to a second. No hook is called any more. NULL is fine. */
void listener_close(struct listener *listener);
/* With the port that was bound. */
const char *listener_endpoint(const struct listener *listener);
/* Write now what was sent, and not at the end of the loop's turn. */
void listener_flush(struct listener *listener);
/* The list of keys is another one: hang up on all who would not be let in now. */
void listener_recheck(struct listener *listener);
/* The open ones: start with NULL; NULL after the last. Do not end any meanwhile. */
struct connection *listener_next(const struct listener *listener, const struct connection *after);

#endif
