/*
 * lane_reset: what a lane has in memory, and is not its business any more, goes.
 */
#ifndef KEFU_LANE_RESET_H
#define KEFU_LANE_RESET_H

#include "runtime/core/lane.h"

/* Messages that nobody is to hear here; with their jobs and requests. */
void lane_drop(struct queue *queue);
/* State in memory for partitions no longer held is dropped, or the lane would go on with it and
   take them back: commands wait to be sent to the new owner, the rest is read again by it. */
void lane_let_go(struct lane *lane);
/* Look again as if just connected: leases, positions, alarms; events in memory are dropped. */
void lane_reset(struct lane *lane);
/* The database lacks room or memory: that may take a while. */
bool lane_lacks_resources(const struct pg_trip *trip);
/* Senders of these commands may try again; what was rolled back has not happened. */
void lane_send_back(struct queue *left, const char *state);
/* A look at the leases failed: look again as above. Without room in the database commands are told
   so. */
void lane_lease_failed(struct lane *lane, const struct pg_trip *trip);

#endif
