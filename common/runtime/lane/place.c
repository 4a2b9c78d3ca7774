#include "runtime/lane/place.h"

enum { CREATED_MAX = 64 }; /* in one partition, before it is the turn of the next */

static struct lane *lane_of(int partition)
{
    return runtime.lanes[partition % runtime.lanes_n];
}

/* The next partition that the lane holds, round and round; -1 if it holds none. */
static int next_held(const struct lane *lane, int from)
{
    for (int i = 1; i <= PARTITIONS; i++)
        if (lane_holds(lane, (from + i) % PARTITIONS)) return (from + i) % PARTITIONS;
    return -1;
}

void place_turn(struct lane *lane)
{
    int next = next_held(lane, lane->birthplace);
    if (next >= 0) lane->birthplace = next;
    lane->born_n = 0;
}

static bool has_birthplace(struct lane *lane)
{
    if (!lane_holds(lane, lane->birthplace)) place_turn(lane);
    return lane_holds(lane, lane->birthplace);
}

struct lane *place_command(struct work *work)
{
    int own = partition_of(work->header.key);
    work->partition = own;
    for (int i = 0; work->handler->creates && i < runtime.lanes_n; i++) {
        struct lane *lane = lane_of(own + i);
        if (!has_birthplace(lane)) continue;
        work->partition = lane->birthplace;
        if (++lane->born_n == CREATED_MAX) place_turn(lane);
        return lane;
    }
    return lane_of(own);
}
