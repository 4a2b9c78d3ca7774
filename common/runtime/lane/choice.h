/*
 * choice: what goes into a lane's next batch.
 *
 * Reports of jobs, commands, events and alarms divide the room (portions.h): each class that waits
 * has a quarter of every batch at least, and where messages go one by one (isolation) every
 * fourth turn. Commands are taken from their principals in turn (turns.h). What is run alone, after
 * a failure or as a letter, takes turns with batches of all that need not stay behind it: events of
 * the same source and partition do, and whatever has the same key.
 */
#ifndef KEFU_CHOICE_H
#define KEFU_CHOICE_H

#include "runtime/core/lane.h"

/* Take it out of the lane's queues. False: there is nothing that may go now. */
bool choice_make(struct lane *lane, struct queue *chosen);

#endif
