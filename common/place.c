#include "place.h"

static struct lane *lane_of(int partition)
{
    return runtime.lanes[partition % runtime.lanes_n];
}

static bool is_held(int partition)
{
    return lane_holds(lane_of(partition), partition);
}

static uint64_t weight_of(uint64_t hash, int partition)
{
    uint64_t mixed = hash ^ (uint64_t)(partition + 1) * UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ mixed >> 32) * UINT64_C(0xff51afd7ed558ccd);
    return mixed ^ mixed >> 32;
}

/* The held partition that weighs most for this key: when one is lost or won, only the keys that go there move. -1 if none is held. */
static int find_heaviest(text key)
{
    uint64_t hash = text_hash(key), most = 0;
    int heaviest = -1;
    for (int p = 0; p < PARTITIONS; p++) {
        uint64_t weight = weight_of(hash, p);
        if (!is_held(p) || (heaviest >= 0 && weight <= most)) continue;
        most = weight;
        heaviest = p;
    }
    return heaviest;
}

struct lane *place_command(struct message *message)
{
    int own = partition_of(message->header.key), here = -1;
    if (message->handler->creates && !is_held(own)) here = find_heaviest(message->header.key);
    message->partition = here >= 0 ? here : own;
    return lane_of(message->partition);
}
