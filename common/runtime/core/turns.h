/*
 * turns: commands that wait, a line for each principal. Who takes from it serves the lines in turn,
 * so what one has waiting holds up nobody else; each line keeps its order. Pure.
 */
#ifndef KEFU_TURNS_H
#define KEFU_TURNS_H

#include "runtime/core/work.h"

enum { TURNS_BUCKETS = 64 };

/* All zero is empty, and empty it owns nothing. */
struct turns {
    struct line *buckets[TURNS_BUCKETS]; /* lines by the name of their principal … */
    struct line *first, *last;           /* … and in the order of their turns */
    size_t n;
};

/* Behind what waits of its principal, whose name outlives it. */
void turns_add(struct turns *turns, struct work *work);
/* In front of what waits of its principal: what was taken and cannot go yet comes back so, the last
   one first. */
void turns_put_back(struct turns *turns, struct work *work);
/* The first command of the line whose turn it is, or NULL: one a turn, and large ones cost more
   turns, so in bytes nobody has much more than others either. */
struct work *turns_take(struct turns *turns);
/* All of it, behind what is in the queue. */
void turns_empty(struct turns *turns, struct queue *queue);
/* Let `filter` take commands out of each line. */
void turns_filter(struct turns *turns, void (*filter)(struct queue *queue));

#endif
