/*
 * wire: the one door to libzmq, and its place in the loop. A socket here is one ZeroMQ socket that
 * connects to a service, with its options set, its monitor watched and its messages handed to a
 * hook. What the sockets mean is bus.c's business. Who connects to us is the business of
 * listener.h, which does without libzmq.
 */
#ifndef KEFU_WIRE_H
#define KEFU_WIRE_H

#include "net/keys.h"

enum wire_kind {
    WIRE_CLIENT,     /* DEALER, connects to one numeric address: [frame] */
    WIRE_SUBSCRIBER, /* SUB, connects: hears [topic, frame] */
    WIRE_KINDS
};

enum wire_event {
    WIRE_CONNECTED, /* the handshake is done */
    WIRE_RETRYING,  /* nobody there; libzmq tries again by itself */
    /* connection or handshake lost. libzmq may never try again: close, and open a new one */
    WIRE_LOST,
    WIRE_WRITABLE /* after WIRE_BUSY from a client */
};

enum wire_sent {
    WIRE_SENT, /* taken over; no promise that it arrives */
    WIRE_BUSY  /* not connected yet, or too much is under way */
};

enum { WIRE_PARTS = 3 };

struct wire_message {
    text part[WIRE_PARTS]; /* borrowed for the call */
    size_t n;              /* may be more than WIRE_PARTS: the rest is not kept */
};

struct wire_hooks {
    void (*on_message)(void *ctx, const struct wire_message *message);
    void (*on_event)(void *ctx, enum wire_event event);
    void *ctx;
};

struct wire;
struct wire_socket;

/* Every connection is encrypted and authenticated with these keys, which must outlive the wire. */
struct wire *wire_create(struct keys *keys);
void wire_destroy(struct wire *wire); /* its sockets must be closed */

struct wire_place {
    const char *endpoint; /* to connect to */
    const char *service;  /* whose key must answer there */
    text topic;           /* of a subscriber: the prefix to hear */
};
/* NULL with err. */
MUST_CHECK struct wire_socket *wire_open(struct wire *wire, enum wire_kind kind,
                                         const struct wire_place *place,
                                         const struct wire_hooks *hooks, struct err *err);
/* No hook is called any more. */
void wire_close(struct wire_socket *socket); /* NULL is fine */
/* Never blocks, never calls a hook. */
MUST_CHECK enum wire_sent wire_send(struct wire_socket *socket, const text *parts, size_t n);

#endif
