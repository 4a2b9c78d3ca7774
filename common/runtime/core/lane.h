/*
 * lane: a share of the partitions with one database connection; what all parts of the engine know
 * of it. It takes what waits for its partitions, up to 256 messages, through load, decide and
 * commit in one transaction, and starts the next batch when the commit returns. Whoever changes
 * something wakes the lane; only the scheduler runs it.
 */
#ifndef KEFU_LANE_H
#define KEFU_LANE_H

#include "base/pace.h"
#include "runtime/core/alarm_gate.h"
#include "runtime/core/letter_keys.h"
#include "runtime/core/runtime.h"
#include "runtime/core/slot.h"
#include "runtime/core/turns.h"

struct batch;

struct lane {
    int number;
    char *owner; /* who holds its leases: instance#life/number */
    struct pg *pg;
    void (*run)(struct lane *lane); /* the scheduler's: whatever can be done now */
    int backend; /* PostgreSQL's process behind the connection that last claimed or renewed */
    bool ready;  /* connected, leases looked at */
    bool woken;  /* it runs in the next turn of the loop */
    struct batch *batch;
    struct slot slots[PARTITIONS]; /* only those with p % lanes == number are used */

    int birthplace; /* the partition of what is created now (place.h) … */
    int born_n;     /* … and how much has been so far */
    struct turns commands;
    struct queue events, alarms, results;
    struct queue single; /* after a failure: one message per transaction */
    bool apart;          /* the batch under way is such a one */
    int lot, turn;       /* what the last batch was of; whose part was first in it (choice.c) */
    int generation;      /* raised when what was asked for no longer counts */
    void *scratch;       /* batch.c's tables */

    /* chores */
    int64_t lease_look_ms, alarm_look_ms, clean_ms; /* when next due, by the loop */
    int64_t give_by_ms; /* what is above its share has gone by then, jobs or not; 0: nothing is */
    bool chore;         /* one is under way */
    struct arena *chore_arena; /* what it needs until it ends; a lane may be stopped before */
    time_us next_alarm;        /* due time of the earliest alarm not yet taken, 0 = none known */
    /* None is due before it, unless others have set it behind this lane's back; so now and then all
       are looked at. */
    time_us alarms_from;
    int64_t alarm_all_ms;
    struct alarm_gate gate;
    int64_t backoff_ms;
    size_t gather_n;         /* commands of the last batch: as many are likely to come again … */
    int64_t gather_until_ms; /* … until then */
    struct pace pace;        /* between batches of events … */
    struct pace asks[SOURCES_MAX]; /* … and between questions to a source */
    struct loop_timer timer;
    struct loop_timer overdue_timer; /* while commands wait */
    struct queue waiting_leases;     /* commands for partitions whose lease is not here yet */

    struct letter_keys letter_keys;
    /* keys whose letters are run, one letter for each transaction (letters.h) */
    struct queue letters;
    int64_t letters_look_ms; /* when they are looked at next */

    int64_t isolate_until_ms;
    int64_t batches, messages;
    int64_t failures;  /* in a row */
    char trouble[160]; /* what of the world its batch is tried again for; empty: it gets on */
    int races;         /* in a row: another transaction wrote the same row first */
    int jobs;          /* running */
    bool lost_jobs;    /* a connection was lost: a job may stand as running that was never begun */
};

/* Something may have changed: in the next turn of the loop the lane does whatever can be done then.
   Cheap, also many times a turn. Nobody else makes a lane work, so nothing of it runs within a
   caller. */
void lane_wake(struct lane *lane);
/* A job has reported. */
void lane_result(struct lane *lane, struct work *work);
/* Run the letters of this key in order, each in a transaction of its own, until one fails. */
void lane_run_letters(struct lane *lane, int partition, text key);
/* Messages in memory, running jobs included. */
size_t lane_waiting(const struct lane *lane);
bool lane_holds(const struct lane *lane, int partition);
bool lane_owns_number(const struct lane *lane, int partition);
/* Events in memory that no transaction has taken up yet. */
struct backlog lane_backlog(const struct lane *lane);
/* How many milliseconds before the next small piece of work. */
int64_t lane_pace_left(const struct pace *pace);

#endif
