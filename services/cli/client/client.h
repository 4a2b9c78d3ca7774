/*
 * client: asks the services of a running system. Asking is asynchronous and may go on in parallel;
 * client_call() is the plain form: ask one thing and wait. Whatever may be asked again (no answer,
 * "try again") is, until `patience_ms` is over.
 */
#ifndef KEFU_CLI_CLIENT_H
#define KEFU_CLI_CLIENT_H

#include "base/arena.h"
#include "cli_rows.msg.h"
#include "base/err.h"
#include "data/shape.h"

struct client;

/* Reads run.json in `dir`. NULL with err if nothing is running there. */
MUST_CHECK struct client *client_open(const char *dir, struct err *err);
/* Questions still open end first, as closed, and so do those that their `fn` asks: what `fn` uses
   must still live. NULL is fine. */
void client_close(struct client *client);
const struct run_file *client_run(const struct client *client);

/* Services by number, in the order in which run.json lists them. */
size_t client_services(const struct client *client);
const char *client_service_name(const struct client *client, size_t service);
int client_service(const struct client *client, const char *name); /* -1: not running here */
/* So many are known by now; 1 where a name stands for them and nobody is found. */
size_t client_replicas(const struct client *client, size_t service);
/* Where the replica is reached, such as "tcp://10.0.0.3:7102"; if nobody is found, the name. */
const char *client_address(const struct client *client, size_t service, size_t replica);

enum { ANY_REPLICA = -1 };

struct question {
    const struct shape *shape; /* a command or a query */
    const void *body;
    int service; /* as client_service() gives it */
    int replica; /* or ANY_REPLICA */
    text id;     /* as it stands, or: */
    text step;   /* what the id begins with; a digest of the content follows. Neither: drawn anew */
    text actor;
    time_us at;       /* of a command: when it was given, on a test clock with a window; 0: now */
    int64_t delay_ms; /* not asked before so long; open meanwhile */
    int64_t patience_ms; /* … and given up after so long in all */
};

enum reply_kind {
    REPLY_ANSWERED,
    REPLY_REFUSED,
    REPLY_AGAIN,       /* "try again" until patience was over */
    REPLY_UNREACHABLE, /* no answer until patience was over */
    REPLY_CLOSED       /* client_close() came first: nobody is to be told */
};

struct reply {
    enum reply_kind kind;
    const void *body; /* of shape->answer, if answered */
    struct err err;   /* otherwise */
};

/* `fn` is called once, later, from client_wait(); the reply lives during the call. Everything in
   the question is copied. */
void client_ask(struct client *client, const struct question *question,
                void (*fn)(void *ctx, const struct reply *reply), void *ctx);
/* Run until at most `open` questions are open. */
void client_wait(struct client *client, size_t open);
/* Run for so long. */
void client_sleep(struct client *client, int64_t ms);
/* Ask and wait; the answer's body lives in the arena. */
struct reply client_call(struct client *client, const struct question *question,
                         struct arena *arena);
/* For subscriptions. */
struct bus;
struct bus *client_bus(struct client *client);

#endif
