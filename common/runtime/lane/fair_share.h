/*
 * fair_share: how many of its partitions a lane holds when there are several replicas. Pure.
 */
#ifndef KEFU_FAIR_SHARE_H
#define KEFU_FAIR_SHARE_H

#include "base/base.h"

/* Lane `lane` of `lanes`, at the replica whose name is the `rank`th of `replicas` (from 0). All
   replicas of a lane together hold each partition once; what cannot be divided goes to the first
   ones, beginning with another replica in each lane. */
int fair_share(int lane, int lanes, int replicas, int rank);

#endif
