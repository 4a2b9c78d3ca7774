#include "runtime/core/message.h"

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
struct message *message_create(enum origin origin, const struct header *header, text body)
{
    size_t bytes = header->id.len + header->type.len + header->key.len + header->trace.len +
                   header->cause.len + header->actor.len + body.len + 7;
    struct message *message = mem_alloc(sizeof(*message) + bytes);
    char *at = (char *)(message + 1);
    message->bytes = sizeof(*message) + bytes;
    message->origin = origin;
    message->source = -1;
    message->header = *header;
    message->header.id = copy_text(&at, header->id);
    message->header.type = copy_text(&at, header->type);
    message->header.key = copy_text(&at, header->key);
    message->header.trace = copy_text(&at, header->trace);
    message->header.cause = copy_text(&at, header->cause);
    message->header.actor = copy_text(&at, header->actor);
    message->body = copy_text(&at, body);
    return message;
}

void message_destroy(struct message *message)
{
    free(message);
}

text message_identity(const struct message *m, struct arena *arena)
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

void queue_add(struct queue *queue, struct message *message)
{
    if (queue->first == NULL) queue->end = &queue->first;
    message->next = NULL;
    *queue->end = message;
    queue->end = &message->next;
    queue->n++;
    queue->bytes += message->bytes;
}

struct message *queue_take(struct queue *queue)
{
    struct message *message = queue->first;
    if (message == NULL) return NULL;
    queue->first = message->next;
    message->next = NULL;
    queue->n--;
    queue->bytes -= message->bytes;
    return message;
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
    for (struct message *message; (message = queue_take(queue)) != NULL;) message_destroy(message);
}
