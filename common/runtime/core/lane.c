#include "runtime/core/lane.h"

bool lane_owns_number(const struct lane *lane, int partition)
{
    return partition % runtime.lanes_n == lane->number;
}

bool lane_holds(const struct lane *lane, int partition)
{
    return lane->ready && lane->slots[partition].held;
}

size_t lane_waiting(const struct lane *lane)
{
    return lane->commands.n + lane->events.n + lane->alarms.n + lane->results.n + lane->single.n +
           lane->letters.n + lane->waiting_leases.n + (lane->batch != NULL) + (size_t)lane->jobs;
}

struct backlog lane_backlog(const struct lane *lane)
{
    struct backlog backlog = {0};
    backlog_add(&backlog, &lane->single);
    backlog_add(&backlog, &lane->events);
    return backlog;
}

/* By its number: the lane may be gone by then. */
static void run_woken(void *ctx)
{
    struct lane *lane = runtime.lanes[(intptr_t)ctx];
    if (lane == NULL) return;
    lane->woken = false;
    lane->run(lane);
}

void lane_wake(struct lane *lane)
{
    if (lane->woken) return;
    lane->woken = true;
    loop_soon(run_woken, (void *)(intptr_t)lane->number);
}

void lane_result(struct lane *lane, struct work *work)
{
    queue_add(&lane->results, work);
    lane_wake(lane);
}

/* On the test clock nothing else goes on meanwhile. */
int64_t lane_pace_left(const struct pace *pace)
{
    return runtime.settings.test_clock
               ? 0
               : pace_left(pace, loop_now_ms(), runtime.settings.batch_interval_ms);
}

static bool has_letter_queued(const struct lane *lane, text key)
{
    for (const struct work *m = lane->letters.first; m != NULL; m = m->next)
        if (text_equal(m->header.key, key)) return true;
    return false;
}

void lane_run_letters(struct lane *lane, int partition, text key)
{
    struct header header = {.type = TEXT("?"), .key = key};
    if (has_letter_queued(lane, key)) return;
    struct work *m = work_create(ORIGIN_DEAD, &header, TEXT(""));
    m->partition = partition;
    queue_add(&lane->letters, m);
    lane_wake(lane);
}
