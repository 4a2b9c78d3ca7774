/*
 * batch_state: one batch while it runs, and the small things that all its parts ask of it.
 */
#ifndef KEFU_BATCH_STATE_H
#define KEFU_BATCH_STATE_H

#include "runtime/core/lane.h"
#include "runtime.msg.h"
#include "runtime/core/job.h"
#include "runtime/core/tables.h"

enum { CONFLICTS = 4096, CLAIMED = 16384, BATCH_ROOM = 4 * BATCH_MAX };
/* Of these tables a small batch uses a part: clearing them would cost more than it does. They may
   fill up: after so many probes two hashes count as one, which costs a round and no more. */
enum { LEAST_PART = 16, PROBES_MAX = 64 };

/* The part of a table of `room` that a batch of n messages uses. */
static inline size_t batch_part(size_t room, size_t n)
{
    size_t part = room * n / BATCH_MAX, least = room / LEAST_PART;
    return part < least ? least : part > room ? room : part;
}

struct conflict {
    uint64_t hash;
    int round;
};

/* Whole rows of one key: as the next message finds them, and what plans of this round write of
   them. */
struct latest {
    struct latest *next;
    struct plan_row *row;
};
struct known {
    struct list rows;
    size_t room;
    struct latest *latest;
};

/* The keys that one statement is asked for in a round, and what came back. */
struct loading {
    struct sql *sql;
    struct sql_key *keys;
    size_t n, room;
    int result;
    struct list rows;     /* sorted by key */
    struct known **known; /* of what is whole, by key; NULL: nobody of this round has written it */
};

/* An alarm to be set, moved or cancelled. */
struct alarm_set {
    struct alarm_row row; /* of a job that begins with the commit: running, and when it is lost */
    time_us due;
};

struct rows {
    const void **at;
    size_t n, room;
};

struct batch {
    struct lane *lane;
    void (*done)(struct lane *lane, const struct pg_trip *trip, struct queue *left, bool fenced);
    struct arena *arena;
    struct work *all[BATCH_ROOM]; /* what was taken, then what these said to be heard at once */
    size_t n;
    int round;
    struct loading *loadings; /* of the round, in the store's order */
    size_t loadings_n;
    struct conflict *conflicts; /* the lane's scratch */
    uint64_t *claimed;          /* rows that plans of this round write; the lane's scratch */
    size_t conflicts_room, claimed_room;
    int64_t begun_ms;
    int opening, replies, claims, suspects;
    bool asks_for_letters;      /* then it is known only inside the transaction what is decided */
    int letters, first_letters; /* results; -1: not asked for */
    struct list lettered;       /* dead_row: keys of its messages that have letters */
    size_t set_aside;           /* messages */
    time_us now;
    time_us window_from, window_to; /* of a test clock (batch_time_of); 0: none */
    int64_t policy_version;
    const void *policy;
    struct plan_host host;
    bool committing;
    const char *rolled_back_for;
    bool touched[PARTITIONS];
    struct slot_position positions[PARTITIONS]; /* of those touched, once it has committed */
    struct rows said;       /* to be appended to the journal: struct journal_row */
    int heads, seqs;        /* results: the partitions' last numbers before them, and theirs */
    struct rows starts;     /* jobs that begin with the commit: struct alarm_set */
    struct reread *rereads; /* in test builds: what this trip reads again (batch_promises.h) */
};

/* Append a row; the list lives in the batch's arena. */
void batch_collect(struct batch *batch, struct rows *rows, const void *row);
text batch_pack(struct batch *batch, const struct shape *shape, const void *body);
/* Decode the message, if it can be read and has not failed too often; else it becomes a dead
   letter. */
void batch_decode(struct batch *batch, struct work *m);
/* It becomes a dead letter when the transaction commits. */
void batch_set_aside(struct batch *batch, struct work *m);
/* The time at which a message is decided: `now`. While the test clock shows a window it is the time
   of the message itself, as near as it lies in the window: of a command and an event the header's,
   of an alarm and of a job's result when it was due. */
time_us batch_time_of(const struct batch *batch, const struct work *m);
/* Of two messages of these times that could become one: may they? On a test clock only of equal
   times, since each is decided at its own. */
bool batch_one_time(time_us one, time_us other);
/* When an alarm falls due that the message sets: in a window never before it is set. */
time_us batch_due_of(const struct batch *batch, const struct work *m,
                     const struct plan_alarm *alarm);
/* For what the message causes. */
text batch_cause_of(struct batch *batch, const struct work *m);
/* The alarm of a job that is to be claimed, rather than heard. */
bool batch_is_job(const struct work *m);
/* A job whose work starts with the commit of this batch. */
bool batch_begins_job(const struct work *m);
/* This alarm is about to be set: the lane must not overlook it. */
void batch_expect_alarm(struct lane *lane, const struct alarm_row *row);

/* --- what the service says to itself --- */

/* Do several of its messages become one? */
bool batch_unites(const struct handler *handler);
/* How this service itself hears what it says; NULL: it does not. */
const struct handler *batch_own_hearer(const struct plan_event *event);
/* The event's body; NULL: it cannot be read, which is for its hearer to find out. */
void *batch_read_said(struct batch *batch, const struct plan_event *event);
/* An event meant for the loopback goes through the journal after all, with all that it caused. */
void batch_say_after_all(struct batch *batch, struct work *m);

#endif
