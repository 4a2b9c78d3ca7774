/*
 * place: where a command runs. One about something that exists runs in the partition of its key, at
 * whoever holds that. One that creates something (its handler says so) has no place yet: any
 * replica takes it, in a partition held here, and the numbers that it draws are of that partition.
 */
#ifndef KEFU_PLACE_H
#define KEFU_PLACE_H

#include "runtime/core/lane.h"

/* Choose the command's partition; the lane of it. What creates something goes to the lane of its
   key (always the same for a key while that lane holds anything), and there to the partition that
   is the lane's turn: what is new comes in whole batches of one partition, for this service and for
   all that hear of it, and each partition of a batch costs rows. With none held it stays with its
   key's. */
struct lane *place_command(struct work *work);

/* Tickets created from now on go to the lane's next partition: a batch has been taken. */
void place_turn(struct lane *lane);

#endif
