#include "runtime/core/lane_reset.h"

#include "runtime/core/job.h"
#include "runtime/core/reply.h"

#include <string.h>

void lane_drop(struct queue *queue)
{
    for (struct work *m; (m = queue_take(queue)) != NULL;) {
        if (m->job != NULL) job_destroy(m->job);
        if (m->request != NULL) bus_drop(m->request);
        work_destroy(m);
    }
}

/* Of what a queue has for partitions that are not held, commands and what jobs reported are only
   here; all else is in the database. */
static void let_go(struct lane *lane, struct queue *from)
{
    struct queue all = *from, dropped = {0};
    *from = (struct queue){0};
    for (struct work *m; (m = queue_take(&all)) != NULL;)
        queue_add(lane->slots[m->partition].held ? from
                  : m->origin == ORIGIN_COMMAND  ? &lane->waiting_leases
                  : m->origin == ORIGIN_RESULT   ? &lane->results
                                                 : &dropped,
                  m);
    lane_drop(&dropped);
}

static void let_go_commands(struct lane *lane)
{
    struct queue kept = {0};
    turns_empty(&lane->commands, &kept);
    let_go(lane, &kept);
    for (struct work *m; (m = queue_take(&kept)) != NULL;) turns_add(&lane->commands, m);
}

void lane_let_go(struct lane *lane)
{
    let_go(lane, &lane->single);
    let_go_commands(lane);
    let_go(lane, &lane->events);
    let_go(lane, &lane->alarms);
    let_go(lane, &lane->letters);
}

void lane_reset(struct lane *lane)
{
    lane->ready = false;
    lane->trouble[0] = '\0';
    lane->generation++;
    for (int p = 0; p < PARTITIONS; p++) lane->slots[p].held = false;
    lane_let_go(lane);
    letter_keys_forget(&lane->letter_keys);
    lane->lease_look_ms = 0;
}

/* No room, no memory: that may take a while, and what was rolled back has not happened. */
void lane_send_back(struct queue *left, const char *state)
{
    struct queue others = {0};
    for (struct work *m; (m = queue_take(left)) != NULL;) {
        if (m->origin == ORIGIN_COMMAND)
            reply_refuse_work(m, VERB_RETRY, NULL, "the database lacks resources (%s)", state);
        else
            queue_add(&others, m);
    }
    *left = others;
}

bool lane_lacks_resources(const struct pg_trip *trip)
{
    return trip->outcome == PG_TRANSIENT && strncmp(trip->state, "53", 2) == 0;
}

void lane_lease_failed(struct lane *lane, const struct pg_trip *trip)
{
    if (!trip->lost) lane_reset(lane);
    if (lane_lacks_resources(trip)) lane_send_back(&lane->waiting_leases, trip->state);
}
