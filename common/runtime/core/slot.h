/*
 * slot: one partition, as the lane knows it that may hold it. How far a source is done is derived
 * from what is in memory and kept nowhere, so no failure can leave a wrong count behind. Pure.
 */
#ifndef KEFU_SLOT_H
#define KEFU_SLOT_H

#include "runtime/core/work.h"
#include "runtime/core/runtime.h"

struct slot {
    bool held;
    int64_t n;                     /* of the last position row written */
    int64_t handled[SOURCES_MAX];  /* up to here by transactions that have committed */
    int64_t received[SOURCES_MAX]; /* in memory up to here */
    int64_t written_ms;            /* when the position was last written */
    int64_t cleaned;               /* the position's rows below this one are gone */
    int jobs;                      /* running, or what they reported is not committed */
};

/* Which sources have events of a partition waiting in memory: a bit for each. */
struct backlog {
    uint8_t sources[PARTITIONS];
};
/* A position row to be written; counts once that has committed. */
struct slot_position {
    int64_t n;
    int64_t done[SOURCES_MAX];
};

/* The lane holds the partition from now on: what was received is what was handled, and nothing of
   it is in memory. */
void slot_begin(struct slot *slot, int64_t n, const int64_t handled[SOURCES_MAX]);

/* The queue's events wait, too. */
void backlog_add(struct backlog *backlog, const struct queue *queue);

/* How far a source is done: with nothing of it waiting that is all that was received. */
int64_t slot_done(const struct slot *slot, const struct backlog *backlog, int partition,
                  int source);
/* The next position of the partition. */
struct slot_position slot_next(const struct slot *slot, const struct backlog *backlog,
                               int partition);
/* This event will be handled by the transaction that writes the position; it is not in the
   backlog. */
void slot_position_pass(struct slot_position *position, int source, int64_t seq);
/* The position has been committed. */
void slot_move(struct slot *slot, const struct slot_position *position, int64_t now_ms);

#endif
