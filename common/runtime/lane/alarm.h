/*
 * alarm: finding the alarms that are due, and tidying what is no longer needed.
 */
#ifndef KEFU_ALARM_H
#define KEFU_ALARM_H

#include "runtime/core/lane.h"

void alarm_look(struct lane *lane); /* a chore: take due alarms */
void alarm_look_at_all(
    struct lane *lane); /* … next time rescan all alarms, ignoring `alarms_from` */
/* Set the test clock, and the window that it shows (0, 0: none); ask what it wakes. */
void alarm_add_clock(struct pg *pg, time_us to, time_us window_from, time_us window_to);
time_us alarm_take_clock(const PGresult *result); /* the answer; the lanes are to be woken */
void alarm_clean(struct lane *lane);              /* a chore: old positions and replies */

#endif
