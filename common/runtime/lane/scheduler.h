/*
 * scheduler: what a lane does next: leases, alarms, letters, a batch, cleaning; and what becomes of
 * a batch that failed.
 */
#ifndef KEFU_SCHEDULER_H
#define KEFU_SCHEDULER_H

#include "runtime/core/lane.h"

void lane_start(int number);
void lane_stop(struct lane *lane);
/* Run it when its turn comes, or tell its sender where it belongs. */
void lane_command(struct lane *lane, struct work *work);
/* Draining: tell the senders of commands that no transaction is at work on to try again. */
void lane_send_away(struct lane *lane);

#endif
