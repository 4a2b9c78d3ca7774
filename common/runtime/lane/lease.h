/*
 * lease: which partitions a lane holds.
 */
#ifndef KEFU_LEASE_H
#define KEFU_LEASE_H

#include "runtime/core/lane.h"

void lease_look(struct lane *lane); /* a chore: read positions, claim, renew, release */
bool lease_due(const struct lane *lane);
void lease_release_all(struct lane *lane, void (*then)(struct lane *lane));

#endif
