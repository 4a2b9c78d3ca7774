/*
 * control_reply: one of the runtime's own messages under way, and how it ends.
 */
#ifndef KEFU_CONTROL_REPLY_H
#define KEFU_CONTROL_REPLY_H

#include "db/pg_queue.h"
#include "runtime/core/runtime.h"
#include "runtime.msg.h"

struct control {
    struct bus_request *request;
    struct arena *arena;
    text id;
    text actor;
    time_us deadline;
    int64_t since_ms; /* when it came */
    const void *body;
    struct pg *pg;
    int first;   /* index of the first interesting result */
    bool looked; /* the journal's tail has been read for it */
    text key;    /* whose letters */
};

extern struct workline *control_work;

void control_end(struct control *c);
void control_answer(struct control *c, const struct shape *shape, const void *body);
void control_refuse(struct control *c, enum verb verb, const struct err *err);
/* Let it wait for the connection, unless it is overdue by then. */
void control_queue(struct control *c, void (*start)(void *ctx, struct pg *pg));
/* Rows of a page: all that were read, or as many as were asked for. */
size_t control_page(const PGresult *result, struct maybe_int limit);
/* A trip that failed; the connection is free again. */
void control_failed(struct control *c, const struct pg_trip *trip);

#endif
