#include "db/pg_queue.h"

#include "base/arena.h"
#include "base/loop.h"

#include <stdlib.h>

struct task {
    struct task *next;
    void (*start)(void *ctx, struct pg *pg);
    bool (*is_late)(void *ctx); /* NULL: never */
    void (*give_up)(void *ctx);
    void *ctx;
};

enum { LATE_LOOK_MS = 100 };

struct workline {
    struct pg *pg;
    struct task *first, **end;
    bool running;
    size_t hasty; /* works that wait and may be late */
    struct loop_timer timer;
};

static int count;

static bool is_late(const struct task *task)
{
    return task->is_late != NULL && task->is_late(task->ctx);
}

static void drop(struct workline *line, struct task **at)
{
    struct task *task = *at;
    *at = task->next;
    if (task->next == NULL) line->end = at;
    line->hasty--;
    task->give_up(task->ctx);
    free(task);
}

/* Those that are late go with their answer; the others keep their order. */
static void drop_late(void *ctx)
{
    struct workline *line = ctx;
    for (struct task **at = &line->first; *at != NULL;) {
        if (is_late(*at))
            drop(line, at);
        else
            at = &(*at)->next;
    }
    if (line->hasty == 0) loop_timer_stop(&line->timer);
}

static void go(struct workline *line)
{
    if (line->running || line->pg == NULL || !pg_up(line->pg) || pg_busy(line->pg)) return;
    while (line->first != NULL && is_late(line->first)) drop(line, &line->first);
    struct task *task = line->first;
    if (task == NULL) return;
    line->first = task->next;
    if (line->first == NULL) line->end = &line->first;
    line->running = true;
    line->hasty -= task->is_late != NULL;
    task->start(task->ctx, line->pg);
    free(task);
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
    loop_timer_stop(&line->timer);
    count--;
    while (line->first != NULL) {
        struct task *next = line->first->next;
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
    workline_add_until(line, start, NULL, NULL, ctx);
}

void workline_add_until(struct workline *line, void (*start)(void *ctx, struct pg *pg),
                        bool (*is_late)(void *ctx), void (*give_up)(void *ctx), void *ctx)
{
    struct task *task = mem_alloc(sizeof(*task));
    *task = (struct task){.start = start, .is_late = is_late, .give_up = give_up, .ctx = ctx};
    line->hasty += is_late != NULL;
    if (is_late != NULL && !loop_timer_runs(&line->timer))
        loop_timer_start(&line->timer, LATE_LOOK_MS, LATE_LOOK_MS, drop_late, line);
    *line->end = task;
    line->end = &task->next;
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
