/*
 * work: one thing for a lane to do: an event, a command, an alarm, a job's result or a dead letter.
 * It owns its bytes; while a batch runs it also carries its plan.
 */
#ifndef KEFU_WORK_H
#define KEFU_WORK_H

#include "runtime/api/plan_state.h"
#include "runtime/api/service.h"

enum origin {
    ORIGIN_EVENT,
    ORIGIN_COMMAND,
    ORIGIN_ALARM,
    ORIGIN_RESULT,
    ORIGIN_DEAD, /* the first letter of a key, run again: read inside the transaction */
    ORIGIN_OWN   /* said and heard in one transaction: batch_loopback.c */
};

/* How it ends. */
enum fate {
    FATE_OPEN,
    FATE_DONE,
    FATE_REPEATED, /* a command answered before: `kept` is the reply */
    FATE_REFUSED,
    FATE_RETRY,
    FATE_DEAD,   /* set aside with `why` */
    FATE_PARKED, /* behind a dead one of the same key */
    FATE_GONE    /* an alarm or job that is no longer there; a coalesced event */
};

struct bus_request;

struct work {
    struct work *next;
    size_t bytes; /* all of it in memory */
    enum origin origin;
    const struct handler *handler; /* NULL: undecodable or unknown */
    int partition;
    int source; /* index of the source an event came from, or -1 */
    struct header header;
    text body;
    int64_t seq;
    int64_t failures; /* of its own, one message per transaction */

    struct bus_request *request; /* of a command */
    int64_t since_ms;            /* when it came, by the loop */
    bool uncertain;              /* a COMMIT with it was lost: whether it happened is not known */
    text principal;
    text role;
    text sources;
    unsigned rights;
    int64_t hash;
    time_us due; /* of an alarm or job */
    int64_t attempt;
    struct job *job;          /* of a result */
    int64_t suspected;        /* isolation: how often its name was written to `suspect` */
    int64_t dead;             /* of a dead letter tried again */
    struct work *sayer;       /* ORIGIN_OWN: who said … */
    struct plan_event *event; /* … this */

    /* while a batch runs */
    enum fate fate;
    int round;
    void *decoded;
    struct plan plan;
    struct plan_inside inside;
    struct facts facts;
    text kept;
    struct err why;
};

/* Work with copies of the header's texts and the body. */
struct work *work_create(enum origin origin, const struct header *header, text body);
void work_destroy(struct work *work);
/* Its name for isolation: the same after a restart. */
text work_identity(const struct work *work, struct arena *arena);

struct queue {
    struct work *first, **end;
    size_t n, bytes;
};

void queue_add(struct queue *queue, struct work *work);
struct work *queue_take(struct queue *queue);
void queue_join(struct queue *queue, struct queue *more); /* behind it; `more` is empty then */
void queue_clear(struct queue *queue);                    /* destroys what is in it */

#endif
