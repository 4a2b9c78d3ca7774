#include "runtime/core/work.h"

#include <stdlib.h>
#include <string.h>

static text copy_text(char **at, text from)
{
    if (from.at == NULL) return from;
    char *to = *at;
    if (from.len > 0) memcpy(to, from.at, from.len);
    to[from.len] = '\0';
    *at += from.len + 1;
    return (text){to, from.len};
}

/* The struct and all its texts are one block. */
struct work *work_create(enum origin origin, const struct header *header, text body)
{
    size_t bytes = header->id.len + header->type.len + header->key.len + header->trace.len +
                   header->cause.len + header->actor.len + body.len + 7;
    struct work *work = mem_alloc(sizeof(*work) + bytes);
    char *at = (char *)(work + 1);
    work->bytes = sizeof(*work) + bytes;
    work->origin = origin;
    work->source = -1;
    work->header = *header;
    work->header.id = copy_text(&at, header->id);
    work->header.type = copy_text(&at, header->type);
    work->header.key = copy_text(&at, header->key);
    work->header.trace = copy_text(&at, header->trace);
    work->header.cause = copy_text(&at, header->cause);
    work->header.actor = copy_text(&at, header->actor);
    work->body = copy_text(&at, body);
    return work;
}

void work_destroy(struct work *work)
{
    free(work);
}

text work_identity(const struct work *m, struct arena *arena)
{
    static const char *const names[] = {"event", "command", "alarm", "result", "dead", "own"};
    if (m->origin == ORIGIN_COMMAND) /* its partition may be another one next time (place.h) */
        return arena_printf(arena, "command/%.*s/%.*s/%.*s/%.*s", TEXT_ARG(m->principal),
                            TEXT_ARG(m->header.type), TEXT_ARG(m->header.key),
                            TEXT_ARG(m->header.id));
    if (m->origin == ORIGIN_DEAD) /* which of its letters is found out later */
        return arena_printf(arena, "dead/%d/%.*s", m->partition, TEXT_ARG(m->header.key));
    return arena_printf(arena, "%s/%d/%d/%lld/%.*s/%.*s", names[m->origin], m->source, m->partition,
                        (long long)m->seq, TEXT_ARG(m->header.type), TEXT_ARG(m->header.key));
}

void queue_add(struct queue *queue, struct work *work)
{
    if (queue->first == NULL) queue->end = &queue->first;
    work->next = NULL;
    *queue->end = work;
    queue->end = &work->next;
    queue->n++;
    queue->bytes += work->bytes;
}

struct work *queue_take(struct queue *queue)
{
    struct work *work = queue->first;
    if (work == NULL) return NULL;
    queue->first = work->next;
    work->next = NULL;
    queue->n--;
    queue->bytes -= work->bytes;
    return work;
}

void queue_join(struct queue *queue, struct queue *more)
{
    if (more->first == NULL) return;
    if (queue->first == NULL) queue->end = &queue->first;
    *queue->end = more->first;
    queue->end = more->end;
    queue->n += more->n;
    queue->bytes += more->bytes;
    *more = (struct queue){0};
}

void queue_clear(struct queue *queue)
{
    for (struct work *work; (work = queue_take(queue)) != NULL;) work_destroy(work);
}
