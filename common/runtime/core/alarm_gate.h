/*
 * alarm_gate: when an alarm that is due may be decided. What stops a clock in time must be heard
 * before the clock's alarm: so an alarm due at D waits until all sources have been heard as of D
 * and nothing said by then waits in memory for its partition. It does not wait longer than GATE_MS,
 * however much is behind. Pure.
 */
#ifndef KEFU_ALARM_GATE_H
#define KEFU_ALARM_GATE_H

#include "runtime/core/runtime.h"

struct alarm_gate {
    time_us as_of[SOURCES_MAX]; /* so far all partitions held have been heard, source by source */
    time_us at;                 /* no alarm in memory is due later */
    time_us found_at;           /* when they were found; 0: on the test clock, which jumps */
    int64_t found_ms;           /* the same by the loop */
    int64_t since_ms;           /* the lane has gone on without a break since then … */
    int64_t passed_ms;          /* … and did so last */
};

/* Other partitions are held than before: what has been heard says nothing about them. */
void alarm_gate_forget(struct alarm_gate *gate, int64_t now_ms);
/* The lane goes on. If it could not for long (frozen, or held up by the database) it has not heard
   what there is. */
void alarm_gate_pass(struct alarm_gate *gate, int64_t now_ms);
void alarm_gate_hear(struct alarm_gate *gate, int source, time_us as_of);
/* A look has found alarms. */
void alarm_gate_find(struct alarm_gate *gate, time_us found_at, int64_t now_ms);
/* `waiting`: when the first event was said that waits in memory for the alarm's partition, 0: none
   does. */
bool alarm_gate_lets(const struct alarm_gate *gate, int sources_n, time_us due, time_us waiting,
                     int64_t now_ms);

#endif
