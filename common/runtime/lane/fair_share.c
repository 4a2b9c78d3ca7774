#include "runtime/lane/fair_share.h"

#include "runtime/core/runtime.h"

int fair_share(int lane, int lanes, int replicas, int rank)
{
    int mine = 0, before = 0;
    for (int p = 0; p < PARTITIONS; p++) {
        mine += p % lanes == lane;
        before += p % lanes < lane;
    }
    int place = (rank - before % replicas + replicas) % replicas;
    return mine / replicas + (place < mine % replicas);
}
