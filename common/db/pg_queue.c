#include "db/pg_queue.h"

#include "base/arena.h"
#include "base/loop.h"

#include <stdlib.h>

struct work {
    struct work *next;
    void (*start)(void *ctx, struct pg *pg);
    void *ctx;
};

struct workline {
    struct pg *pg;
    struct work *first, **end;
    bool running;
};

static int count;

static void go(struct workline *line)
{
    struct work *work = line->first;
    if (line->running || work == NULL || line->pg == NULL || !pg_up(line->pg) || pg_busy(line->pg))
        return;
    line->first = work->next;
    if (line->first == NULL) line->end = &line->first;
    line->running = true;
    work->start(work->ctx, line->pg);
    free(work);
}

static void on_change(void *ctx, bool up)
{
    if (up) go(ctx);
}

struct workline *workline_create(const char *dsn, const char *setup)
{
    struct workline *line = mem_alloc(sizeof(*line));
    line->end = &line->first;
    count++;
    line->pg = pg_create(dsn, setup, on_change, line);
    return line;
}

void workline_destroy(struct workline *line)
{
    if (line == NULL) return;
    pg_destroy(line->pg);
    count--;
    while (line->first != NULL) {
        struct work *next = line->first->next;
        free(line->first);
        line->first = next;
    }
    line->pg = NULL;
    loop_soon(free, line); /* go_on() may still be on its way */
}

bool workline_up(const struct workline *line)
{
    return pg_up(line->pg);
}

int workline_count(void)
{
    return count;
}

void workline_add(struct workline *line, void (*start)(void *ctx, struct pg *pg), void *ctx)
{
    struct work *work = mem_alloc(sizeof(*work));
    work->start = start;
    work->ctx = ctx;
    *line->end = work;
    line->end = &work->next;
    go(line);
}

static void go_on(void *ctx)
{
    go(ctx);
}

void workline_next(struct workline *line)
{
    assert(line->running);
    line->running = false;
    loop_soon(go_on, line);
}
