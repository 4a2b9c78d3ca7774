#include "runtime/core/slot.h"

#include <string.h>

_Static_assert(SOURCES_MAX <= 8, "a bit for each source");

void slot_begin(struct slot *slot, int64_t n, const int64_t handled[SOURCES_MAX])
{
    slot->n = n;
    memcpy(slot->handled, handled, sizeof(slot->handled));
    memcpy(slot->received, handled, sizeof(slot->received));
    slot->cleaned = 0;
}

void backlog_add(struct backlog *backlog, const struct queue *queue)
{
    for (const struct work *m = queue->first; m != NULL; m = m->next)
        if (m->origin == ORIGIN_EVENT) backlog->sources[m->partition] |= (uint8_t)(1U << m->source);
}

int64_t slot_done(const struct slot *slot, const struct backlog *backlog, int partition, int source)
{
    bool waits = backlog->sources[partition] >> source & 1;
    return waits ? slot->handled[source] : slot->received[source];
}

struct slot_position slot_next(const struct slot *slot, const struct backlog *backlog,
                               int partition)
{
    struct slot_position position = {.n = slot->n + 1};
    for (int s = 0; s < SOURCES_MAX; s++) position.done[s] = slot_done(slot, backlog, partition, s);
    return position;
}

void slot_position_pass(struct slot_position *position, int source, int64_t seq)
{
    if (seq > position->done[source]) position->done[source] = seq;
}

void slot_move(struct slot *slot, const struct slot_position *position, int64_t now_ms)
{
    slot->n = position->n;
    memcpy(slot->handled, position->done, sizeof(slot->handled));
    slot->written_ms = now_ms;
}
