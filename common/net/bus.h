/*
 * bus: messages between processes. A server answers requests; a link is a client's connection to
 * one server; a publisher sends each topic's latest value to subscribers. Frames are bytes here: what
 * they mean is pack.h's business.
 *
 * Nothing that is sent is promised to arrive: only an answer proves that a request was heard.
 */
#ifndef KEFU_BUS_H
#define KEFU_BUS_H

#include "net/keys.h"

struct bus;
/* The keys must outlive it. */
struct bus *bus_create(struct keys *keys);
/* Everything opened on it must have been closed. NULL is fine. */
void bus_destroy(struct bus *bus);
/* Write now what was sent, and not at the end of the loop's turn. */
void bus_flush(struct bus *bus);
/* A key was revoked: hang up on those who would not be let in any more. */
void bus_recheck(struct bus *bus);

/* A server: many clients, one address. */

struct bus_server;
struct bus_request;

/* Listen; fn is called for each request, which must be answered or dropped exactly once, at any
   later time and in any order. */
MUST_CHECK struct bus_server *bus_serve(struct bus *bus, const char *endpoint,
                                        void (*fn)(void *ctx, struct bus_request *request,
                                                   text frame),
                                        void *ctx, struct err *err);
/* Waits up to a second for the last answers to leave. Requests still open may be answered
   afterwards: those answers go nowhere. NULL is fine. */
void bus_server_close(struct bus_server *server);
/* "tcp://127.0.0.1:41234": the port that was bound, also when the endpoint said
   `tcp://127.0.0.1:*`. */
const char *bus_server_endpoint(const struct bus_server *server);
/* Requests neither answered nor dropped yet. */
size_t bus_server_in_flight(const struct bus_server *server);
/* Answers that could not be sent: the client was gone, or had left too many lying
   (connection.h). */
uint64_t bus_server_lost(const struct bus_server *server);

/* The public key of who asks, as authenticated by the connection. */
text bus_request_user(const struct bus_request *request);
/* The admitting code may attach a tag to the request; `fn` is called with it when the request ends.
   */
void bus_request_tag(struct bus_request *request, void *tag, void (*fn)(void *tag));
void *bus_request_tagged(const struct bus_request *request); /* NULL: nothing */
/* Nothing more is heard from its client for so long. */
void bus_request_defer(struct bus_request *request, int64_t ms);
/* Both end the request. A client that has gone is not an error. */
void bus_reply(struct bus_request *request, text frame);
void bus_drop(struct bus_request *request);

/* A link: a client's connection to one address. It is made, and made again after every loss, for
   as long as it is open. */

struct bus_link;
struct bus_link_hooks {
    void (*on_up)(void *ctx);
    void (*on_down)(void *ctx);     /* was up; whatever was sent may or may not have arrived */
    void (*on_writable)(void *ctx); /* after bus_link_send() returned false while up */
    void (*on_frame)(void *ctx, text frame);
    void *ctx;
};

/* `address` with a number, not a name: "tcp://10.0.0.3:7102" (libzmq would resolve a name in its
   I/O thread, and use only the first of its addresses). Only the key of `service` may answer
   there. NULL with err if the address is malformed or there is no such key. */
MUST_CHECK struct bus_link *bus_link_open(struct bus *bus, const char *address, const char *service,
                                          const struct bus_link_hooks *hooks, struct err *err);
/* No hook is called any more. NULL is fine. */
void bus_link_close(struct bus_link *link);
bool bus_link_up(const struct bus_link *link);
/* False: not taken, because the link is down or too much is under way. */
MUST_CHECK bool bus_link_send(struct bus_link *link, text frame);
/* Hang up, and connect again after `ms` (jittered). on_down is not called. */
void bus_link_restart(struct bus_link *link, int64_t ms);

/* A publisher: [topic, frame] to whoever subscribed to a beginning of the topic. Lossy:
   subscribers that are slow or late miss frames. */

struct bus_publisher;
/* on_subscribe: somebody waits for last values. */
MUST_CHECK struct bus_publisher *bus_publish_open(struct bus *bus, const char *endpoint,
                                                  void (*on_subscribe)(void *ctx), void *ctx,
                                                  struct err *err);
void bus_publish_close(struct bus_publisher *publisher); /* NULL is fine */
const char *bus_publish_endpoint(const struct bus_publisher *publisher);
/* The topic must be shorter than 200 bytes. */
void bus_publish(struct bus_publisher *publisher, text topic, text frame);
/* Last values, to those subscriptions alone that waited when it began. False: none. With `told`
   none of them waits any more. */
bool bus_publish_last_begin(struct bus_publisher *publisher);
void bus_publish_last(struct bus_publisher *publisher, text topic, text frame);
void bus_publish_last_end(struct bus_publisher *publisher, bool told);

struct bus_subscription;
/* Subscribed anew after every loss of the connection: hear topics from publishers that may
   repeat last values. */
MUST_CHECK struct bus_subscription *bus_subscribe(struct bus *bus, const char *address,
                                                  const char *service, text prefix,
                                                  void (*fn)(void *ctx, text topic, text frame),
                                                  void *ctx, struct err *err);
void bus_unsubscribe(struct bus_subscription *subscription); /* NULL is fine */

#endif
