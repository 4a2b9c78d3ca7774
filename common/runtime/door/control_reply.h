/*
 * control_inside: one of the runtime's own messages, shared by control.c, control_journal.c and control_dead_letters.c.
 */
#ifndef KEFU_CONTROL_INSIDE_H
#define KEFU_CONTROL_INSIDE_H

#include "runtime/lane/scheduler.h"
#include "runtime/door/door.h"
#include "runtime.msg.h"

struct control {
    struct bus_request *request;
    struct arena *arena;
    text id;
    text actor;
    const void *body;
    struct pg *pg;
    int first;   /* index of the first interesting result */
    bool looked; /* the journal's tail has been read for it */
};

extern struct workline *control_work;

void control_end(struct control *c);
void control_answer(struct control *c, const struct shape *shape, const void *body);
void control_refuse(struct control *c, enum verb verb, const struct err *err);
/* A trip that failed; the connection is free again. */
void control_failed(struct control *c, const struct pg_trip *trip);

/* control_journal.c */
void control_read_journal(struct control *c);

/* control_dead_letters.c */
void control_list_dead(struct control *c);
void control_retry_dead(struct control *c);
void control_discard_dead(struct control *c);

#endif
