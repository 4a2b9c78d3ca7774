/*
 * service: a service is tables. main.c fills a `struct service` and hands it to service_main(),
 * which owns options, settings, connections, leases, lanes, signals, drain and metrics.
 */
#ifndef KEFU_SERVICE_H
#define KEFU_SERVICE_H

#include "runtime/api/plan.h"
#include "policy/bundle.h"
#include "base/settings.h"

enum handler_kind {
    ON_EVENT,   /* from another service's journal, or the own one (from = own name) */
    ON_COMMAND, /* answered after commit */
    ON_QUERY,   /* READ loads only, no writes; run one by one on a connection of their own */
    ON_ALARM,   /* left by plan_wake() */
    ON_JOB,     /* left by plan_job(); `run` instead of `decide` */
    ON_RESULT   /* what a job reported with job_done(); deletes the job in the same transaction */
};

enum { HANDLER_LOADS = 8 };

struct load {
    const struct statement *statement;
    /* the message's field whose value goes into :keys; "" = the header's key; "#" = what `number`
       computes; NULL = no keys */
    const char *with;
};

struct job;

struct handler {
    enum handler_kind kind;
    const char *from; /* ON_EVENT: which service says it */
    const struct shape *hears;
    struct load loads[HANDLER_LOADS]; /* LOCKs first, in the store's order, then READs */
    void (*decide)(struct plan *plan, const void *message, const struct facts *facts);
    void (*run)(struct job *job, const void *message);
    /* pure: what a load with "#" looks up, such as a keyed hash; 0 = nothing */
    int64_t (*number)(const void *message);
    /* ON_COMMAND: it makes something new, whose numbers say where it belongs: any replica takes it
       (place.h) */
    bool creates;
    /* of several equal (type, key) in one batch only the last is decided: level-triggered events.
       One that is a dead letter does not block its key */
    bool coalesce;
    /* of an event for oneself: of several equal (type, key) said or heard in one batch the last
       takes in what the others say, and is decided alone. What they say must add up, and such a
       handler never refuses. */
    void (*merge)(struct arena *arena, void *last, const void *earlier);
    /* of the own journal, and nobody else's business: if the lane that says it is also the one to
       hear it, it does so in the same transaction, and the journal never sees it. May overtake one
       of its kind that another lane has said. */
    bool at_once;
};

struct service {
    const char *name;
    const struct handler *handlers;
    size_t handlers_n;
    /* every statement, in the order in which tables are locked and written */
    const struct statement *const *store;
    size_t store_n;
    const struct policy_owner *policy; /* NULL: the service owns no policy file */
    int lanes;                         /* by default; 0: one */
    const char *batch_interval;        /* by default, as one would type it; NULL: 10ms */
    const struct setting *settings;    /* rows beyond the runtime's own; may be NULL */
    size_t settings_n;
    void (*start)(void);     /* optional, once the loop and connections exist */
    void (*committed)(void); /* optional, after every transaction of a lane */
    void (*stop)(void);      /* optional, at drain */
};

int service_main(int argc, char **argv, const struct service *service);

/* Jobs. `run` may finish later; it must call job_done() exactly once, from the loop's thread. The
   body given to `run` lives until then. */
void job_done(struct job *job, const struct shape *result, const void *body);
text job_key(const struct job *job);        /* stable over retries: use it as the idempotency key */
int64_t job_attempt(const struct job *job); /* from 1 */
struct arena *job_arena(struct job *job);

/* Ask another service (the named exceptions only: notification asks intake). answer is NULL on
   failure and err says why; it lives during the call only. */
void service_ask(const char *service, const struct shape *query, const void *body, int timeout_ms,
                 void (*fn)(void *ctx, const void *answer, const struct err *err), void *ctx);

/* In `start` only: one statement of store.c, waited for on a connection of its own. `given` is its
   $1, bytes, if it is there. out: the first column of all rows, bytes, as texts in the arena. */
MUST_CHECK int service_wait_for(const char *sql, text given, struct arena *arena, struct list *out,
                                struct err *err);

/* The directory that holds the product's data files (deploy/policy, migrations), from the setting
   `home`. */
const char *service_home(void);

/* For a service with a door of its own (reporting's feed): the process's bus, and a new database
   connection set up like the lanes'; whoever asked for it destroys it. From `start` on. */
struct bus;
struct workline;
struct bus *service_bus(void);
struct workline *service_workline(void);

#endif
