/*
 * workline: a database connection of its own on which pieces of work run one after the other, each
 * in as many trips as it likes.
 */
#ifndef KEFU_PG_QUEUE_H
#define KEFU_PG_QUEUE_H

#include "db/pg.h"

struct workline;
struct task;

struct workline *workline_create(const char *dsn, const char *setup);
void workline_destroy(struct workline *line); /* work still waiting is dropped */
bool workline_up(const struct workline *line);
int workline_count(void); /* how many there are */

/* Queue work: `start` is called with an idle connection; the work uses pg_add/pg_run and, at its
   end, calls workline_next(). If the connection is lost in a trip (trip->lost), the work must still
   end with workline_next(). Work waits while the connection is down. */
void workline_add(struct workline *line, void (*start)(void *ctx, struct pg *pg), void *ctx);
/* The same for what may have waited too long: once is_late(ctx) says so before it is begun, it goes
   with give_up(ctx) instead. That is looked at several times a second. */
void workline_add_until(struct workline *line, void (*start)(void *ctx, struct pg *pg),
                        bool (*is_late)(void *ctx), void (*give_up)(void *ctx), void *ctx);
void workline_next(struct workline *line);

#endif
