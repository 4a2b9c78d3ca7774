#include "pending.h"

#include "runtime.msg.h"

#include <stdlib.h>

enum { LOOKED_AT = 200 }; /* as many as alarm.list gives */

static int by_ticket(const void *a, const void *b)
{
    const struct pending_ticket *x = a, *y = b;
    if (x->ticket != y->ticket) return x->ticket < y->ticket ? -1 : 1;
    return (x->due > y->due) - (x->due < y->due);
}

static void take_lines(struct pending *out, struct list lines, struct arena *arena)
{
    const struct alarm_line *line = lines.at;
    out->at = ARENA_ARRAY(arena, struct pending_ticket, lines.n + 1);
    for (size_t i = 0; i < lines.n; i++)
        if (line[i].ticket != 0)
            out->at[out->n++] = (struct pending_ticket){line[i].ticket, line[i].due_at};
    if (lines.n == LOOKED_AT) out->known_until = line[lines.n - 1].due_at;
    qsort(out->at, out->n, sizeof(*out->at), by_ticket);
}

int pending_ask(struct client *client, int64_t patience_ms, struct arena *arena,
                struct pending *out, struct err *err)
{
    struct alarm_list list = {given_int(LOOKED_AT)};
    struct reply reply =
        client_call(client,
                    &(struct question){.shape = &alarm_list_shape,
                                       .body = &list,
                                       .service = client_service(client, "escalation"),
                                       .replica = ANY_REPLICA,
                                       .patience_ms = patience_ms},
                    arena);
    *out = (struct pending){0};
    if (reply.kind != REPLY_ANSWERED) {
        *err = reply.err;
        return -1;
    }
    take_lines(out, ((const struct alarm_page *)reply.body)->rows, arena);
    return 0;
}

bool pending_by(const struct pending *pending, int64_t ticket, time_us at)
{
    size_t low = 0, high = pending->n;
    if (pending->known_until != 0 && at >= pending->known_until) return true;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (pending->at[middle].ticket < ticket)
            low = middle + 1;
        else
            high = middle;
    }
    return low < pending->n && pending->at[low].ticket == ticket && pending->at[low].due <= at;
}
