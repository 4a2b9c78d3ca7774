#include "runtime/batch/batch_loopback.h"

#include "runtime/batch/batch_letters.h"
#include "runtime/batch/batch_load.h"
#include "runtime/batch/batch_rows.h"
#include "runtime/journal/journal.h"

/*
 * What a service says to itself is mostly heard by the lane that said it. Then it need not wait for
 * a commit, a batch of its own and another commit: it is decided in a further round of the same
 * transaction, and leaves no row in the journal.
 *
 * A message that is run alone because its batch has failed says everything to the journal: then it
 * is clear who is to blame.
 */

static bool has_counted(const struct batch *batch)
{
    for (size_t i = 0; i < batch->n; i++)
        if (batch->all[i]->fate == FATE_DONE && batch->all[i]->inside.adds != NULL) return true;
    return false;
}

/* Counters are applied last and in order, so that those who share them never wait for each other in
   a circle. Who hears at once must not miss them: they can be applied before only where nobody
   shares them. */
static bool may_count_now(void)
{
    return runtime.lanes_n == 1 && !journal_shared();
}

static const struct handler *hearer_at_once(const struct batch *batch,
                                            const struct plan_event *event)
{
    const struct lane *lane = batch->lane;
    const struct handler *own = batch_own_hearer(event);
    if (own == NULL || !own->at_once) return NULL;
    if (!lane_owns_number(lane, event->partition) || !lane_holds(lane, event->partition) ||
        !batch_may_hear_now(batch, event->key))
        return NULL;
    return own;
}

/* The event of this batch with that key, if several are to become one. What is heard at once stands
   at the end. */
static struct work *united_of(const struct batch *batch, const struct handler *handler, text key,
                              time_us at)
{
    for (size_t i = batch->n; i-- > 0 && batch_unites(handler);) {
        struct work *m = batch->all[i];
        if (m->origin != ORIGIN_OWN) break;
        if (m->handler == handler && text_equal(m->header.key, key) &&
            batch_one_time(m->header.time, at))
            return m;
    }
    return NULL;
}

static void hear(struct batch *batch, struct work *sayer, struct plan_event *event,
                 const struct handler *handler, void *said)
{
    struct header header = {.type = text_of(event->shape->name),
                            .version = event->shape->version,
                            .key = event->key,
                            .time = sayer->plan.now,
                            .trace = sayer->header.trace,
                            .cause = batch_cause_of(batch, sayer)};
    struct work *m = work_create(ORIGIN_OWN, &header, event->body);
    m->handler = handler;
    m->partition = event->partition;
    m->sayer = sayer;
    m->event = event;
    m->decoded = said;
    batch->all[batch->n++] = m;
}

/* Hear this event at once, alone or together with one like it. False: it must go through the
   journal. If one like it has been decided already it waits for the next batch. */
static bool take_event(struct batch *batch, struct work *sayer, struct plan_event *event)
{
    const struct handler *handler = event->late ? NULL : hearer_at_once(batch, event);
    if (handler == NULL) return false;
    struct work *united = united_of(batch, handler, event->key, sayer->plan.now);
    if (united == NULL ? batch->n == BATCH_ROOM : united->fate != FATE_OPEN) return false;
    if (united != NULL && handler->merge == NULL) return true; /* a level: once is enough */
    void *said = batch_read_said(batch, event);
    if (said == NULL) return false;
    if (united == NULL)
        hear(batch, sayer, event, handler, said);
    else
        handler->merge(batch->arena, united->decoded, said);
    return true;
}

/* Take out of what the message says whatever is heard at once. */
static void take_events(struct batch *batch, struct work *sayer)
{
    for (struct plan_event **at = &sayer->inside.events; *at != NULL;) {
        struct plan_event *event = *at, *next = event->next;
        if (take_event(batch, sayer, event))
            *at = next;
        else
            at = &event->next;
    }
}

bool batch_hear_own(struct batch *batch)
{
    size_t before = batch->n;
    bool counted = has_counted(batch);
    if (runtime.isolating || batch->lane->apart || (counted && !may_count_now())) return false;
    for (size_t i = 0; i < before; i++)
        if (batch->all[i]->fate == FATE_DONE) take_events(batch, batch->all[i]);
    if (batch->n == before) return false;
    if (counted) batch_add_counters(batch);
    batch_assign_rounds(batch, batch->round);
    return true;
}
