/*
 * clocks: the life of one clock as pure functions. Nothing here asks for the time or tells anybody:
 * each function changes the clock as of an instant at which something happened, however late that
 * is heard. tell.h turns the difference into events and alarms.
 *
 * The due time itself is in time: a level of the ladder, and the breach, is reached only after its
 * instant. What is heard late is decided as if it had been heard in time: a stop before the breach
 * takes the breach back.
 */
#ifndef KEFU_ESCALATION_CLOCKS_H
#define KEFU_ESCALATION_CLOCKS_H

#include "escalation_rows.msg.h"
#include "clock_rules.h"

enum { CLOCK_PAUSES = 16 }; /* most pauses of one clock; further ones do not pause it */

struct clock_life {
    struct clock_row row;
    struct pause_row pauses[CLOCK_PAUSES];
    size_t pauses_n;
    /* of the policy it runs under; NULL: that has no such clock, and nobody is told of levels */
    const struct clock_rule *rule;
    struct calendar *calendar; /* what it counts on */
    struct calendar *business; /* what pauses are capped by */
    int64_t most_pause;        /* in time of `business` */
};

/* Known when a clock starts. */
struct clock_start {
    int64_t id;
    int64_t ticket;
    text kind;
    int64_t round;
    int64_t policy;
    text unit;
    text class;
    time_us at;
    time_us promised; /* of a promised clock: the time told */
    text by;          /* the event */
};

/* The limit for a ticket of that class. */
struct span clock_limit(const struct clock_rule *rule, text class);
/* A new running clock. */
void clock_begin(struct clock_life *life, const struct clock_rules *rules,
                 const struct clock_rule *rule, const struct clock_start *start);
/* Bind a stored row (and its pauses, set by the caller) to the rules it runs under (NULL: lost,
   those now in force are taken) and to the calendars now in force. */
void clock_bind(struct clock_life *life, const struct clock_rules *rules,
                const struct clock_rules *now, text unit);

bool clock_running(const struct clock_life *life); /* or paused: not ended */
/* When so many per cent of its time are used up; CALENDAR_NEVER while that is held by a pause. */
time_us clock_at_share(const struct clock_life *life, int64_t share);
/* Tell all levels, and the breach, whose instants lie before `until`. A pause that has reached its
   cap ends at it. */
void clock_reach(struct clock_life *life, time_us until);
/* The stop event happened: met if not after the due time, else breached. An ended clock takes an
   earlier end. */
void clock_stop(struct clock_life *life, time_us at, text by);
/* It ended without what it waited for: no verdict, or breached if the due time had passed. An ended
   clock takes an earlier end; of a stop and an end at the same instant the stop counts. */
void clock_end(struct clock_life *life, time_us at, text by);
void clock_pause(struct clock_life *life, time_us at);
void clock_resume(struct clock_life *life, time_us at);
/* When to look at it next; 0: never. */
time_us clock_wake(const struct clock_life *life);
/* Where the calendar in force gives another due time, take that one (SLA-44). True if it moved. */
bool clock_redate(struct clock_life *life);

#endif
