#include "runtime/core/turns.h"

#include <stdlib.h>

enum { TURN_BYTES = 8 << 10 }; /* what a turn pays for: most commands are smaller */

struct line {
    struct line *next;    /* whose turn is next */
    struct line *sibling; /* in the same bucket */
    text principal;
    struct queue queue;
    int64_t credit; /* bytes; in debt a turn passes and nothing of it is taken */
};

static struct line **find(struct turns *turns, text principal)
{
    struct line **at = &turns->buckets[text_hash(principal) % TURNS_BUCKETS];
    while (*at != NULL && !text_equal((*at)->principal, principal)) at = &(*at)->sibling;
    return at;
}

static void line_up(struct turns *turns, struct line *line)
{
    line->next = NULL;
    *(turns->first == NULL ? &turns->first : &turns->last->next) = line;
    turns->last = line;
}

static struct line *line_of(struct turns *turns, text principal)
{
    struct line **at = find(turns, principal);
    if (*at == NULL) {
        *at = mem_alloc(sizeof(**at));
        **at = (struct line){.principal = principal};
        line_up(turns, *at);
    }
    return *at;
}

/* The line has had its turn: behind the others, or away. */
static void turn(struct turns *turns, struct line *line)
{
    turns->first = line->next;
    if (line->queue.n > 0) {
        line_up(turns, line);
        return;
    }
    *find(turns, line->principal) = line->sibling;
    free(line);
}

void turns_add(struct turns *turns, struct work *work)
{
    queue_add(&line_of(turns, work->principal)->queue, work);
    turns->n++;
}

void turns_put_back(struct turns *turns, struct work *work)
{
    struct line *line = line_of(turns, work->principal);
    struct queue rest = line->queue;
    line->queue = (struct queue){0};
    line->credit += (int64_t)work->bytes;
    queue_add(&line->queue, work);
    queue_join(&line->queue, &rest);
    turns->n++;
}

static bool may_pay(struct line *line)
{
    line->credit += TURN_BYTES;
    if (line->credit > TURN_BYTES) line->credit = TURN_BYTES;
    return line->credit > 0;
}

struct work *turns_take(struct turns *turns)
{
    struct line *line;
    while ((line = turns->first) != NULL && !may_pay(line)) turn(turns, line);
    if (line == NULL) return NULL;
    struct work *work = queue_take(&line->queue);
    line->credit -= (int64_t)work->bytes;
    turns->n--;
    turn(turns, line);
    return work;
}

void turns_empty(struct turns *turns, struct queue *queue)
{
    for (struct work *m; (m = turns_take(turns)) != NULL;) queue_add(queue, m);
}

void turns_filter(struct turns *turns, void (*filter)(struct queue *queue))
{
    const struct line *last = turns->last;
    for (bool more = turns->n > 0; more;) {
        struct line *line = turns->first;
        more = line != last;
        turns->n -= line->queue.n;
        filter(&line->queue);
        turns->n += line->queue.n;
        turn(turns, line);
    }
}
