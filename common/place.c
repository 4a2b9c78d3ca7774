#include "place.h"

enum { CREATED_MOST = 64 }; /* in one partition, before it is the turn of the next */

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
    int next = next_held(lane, lane->fresh);
    if (next >= 0) lane->fresh = next;
    lane->fresh_n = 0;
}

static bool has_fresh(struct lane *lane)
{
    if (!lane_holds(lane, lane->fresh)) place_turn(lane);
    return lane_holds(lane, lane->fresh);
}

struct lane *place_command(struct message *message)
{
    int own = partition_of(message->header.key);
    message->partition = own;
    for (int i = 0; message->handler->creates && i < runtime.lanes_n; i++) {
        struct lane *lane = lane_of(own + i);
        if (!has_fresh(lane)) continue;
        message->partition = lane->fresh;
        if (++lane->fresh_n == CREATED_MOST) place_turn(lane);
        return lane;
    }
    return lane_of(own);
}
