/*
 * batch_inside: one batch, shared by batch.c and its batch_*.c.
 */
#ifndef KEFU_BATCH_STATE_H
#define KEFU_BATCH_STATE_H

#include "runtime/lane/scheduler.h"
#include "runtime.msg.h"
#include "runtime/core/tables.h"

enum { CONFLICTS = 4096, CLAIMED = 16384, BATCH_ROOM = 4 * BATCH_MOST };
/* Of these tables a small batch uses a part: clearing them would cost more than it does. They may fill up: after so many probes two hashes
   count as one, which costs a round and no more. */
enum { LEAST_PART = 16, PROBES_MOST = 64 };

/* The part of a table of `room` that a batch of n messages uses. */
static inline size_t batch_part(size_t room, size_t n)
{
    size_t part = room * n / BATCH_MOST, least = room / LEAST_PART;
    return part < least ? least : part > room ? room : part;
}

struct conflict {
    uint64_t hash;
    int round;
};

/* Whole rows of one key: as the next message finds them, and what plans of this round write of them. */
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

struct rows {
    const void **at;
    size_t n, room;
};

struct batch {
    struct lane *lane;
    struct arena *arena;
    struct message *all[BATCH_ROOM]; /* what was taken, then what these said to be heard at once */
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
    int64_t policy_version;
    const void *policy;
    struct plan_host host;
    bool committing;
    const char *rolled_back_for;
    bool touched[PARTITIONS];
    struct slot_position positions[PARTITIONS]; /* of those touched, once it has committed */
    struct rows said;   /* to be appended to the journal: struct journal_row */
    int heads, seqs;    /* results: the partitions' last numbers before them, and theirs */
    struct rows starts; /* jobs that begin with the commit (alarm rows) */
};

/* batch_load.c: rounds, and the facts of each. */
void batch_assign_rounds(struct batch *batch,
                         int base); /* every undecided message gets a round after `base` */
bool batch_in_round(const struct batch *batch, const struct message *m);
void batch_add_loads(struct batch *batch);
int batch_read_loads(struct batch *batch, struct err *err);
void batch_fill_facts(struct batch *batch, struct message *m);
uint64_t batch_key_hash(const void *tag, const struct sql_key *key);
/* The statement's keys and rows in this round; NULL if nobody of the round loads it. */
struct loading *batch_loading_of(struct batch *batch, const struct query *query);
/* The values that a load looks up for a message; in the batch's arena. */
const struct sql_key *batch_load_keys(struct batch *batch, const struct message *m,
                                      const struct load *load, size_t *n);
/* Keys and locks of messages that stay undecided: is this message free of them? */
void batch_forget_undecided(struct batch *batch);
void batch_note_undecided(struct batch *batch, const struct message *m);
bool batch_may_go_first(struct batch *batch, const struct message *m);

/* The place of a key among those that were asked for, or -1. */
int batch_find_key(const struct loading *loading, const struct sql_key *key);
/* The rows of a key: as loaded, or as known by now. */
struct list batch_rows_of(const struct loading *loading, const struct sql_key *key);

/* batch.c: what the message says, if it can be read and has not failed too often; else it is set
   aside. */
void batch_decode(struct batch *batch, struct message *m);

/* batch_letters.c: which messages have to wait behind letters, and which are run again, is asked … */
bool batch_asks_for_letters(const struct batch *batch);
void batch_add_letters(struct batch *batch);
/* … and taken: those are parked, and these become what they hold. */
void batch_read_letters(struct batch *batch);
/* It becomes a dead letter when the transaction commits. */
void batch_set_aside(struct batch *batch, struct message *m);
/* Must it wait behind a letter, of before or of this batch? */
bool batch_parks(const struct batch *batch, const struct message *m);
void batch_park(struct batch *batch, struct message *m);
/* May what is said under this key be heard in this transaction? */
bool batch_may_hear_now(const struct batch *batch, text key);
void batch_add_dead(struct batch *batch);
void batch_letters_committed(struct batch *batch);

/* Is all that it loads whole? Then it is loaded with the first one of its key. */
bool batch_may_follow(const struct message *m);

/* batch_chain.c: messages decided on what others of their round have written. Of whole rows that the plan writes again only the new content
   is left, with the plan that wrote them first. */
void batch_note_written(struct batch *batch, struct message *m);
/* Is everything that the message loads in memory, whole? */
bool batch_knows(struct batch *batch, const struct message *m);
/* It is a whole row, of a key that the message has loaded: nobody else of the round writes it without being seen. */
bool batch_has_loaded(struct batch *batch, const struct message *m, const struct plan_row *row);

/* batch_decide.c: decide everything of the round. True if messages are left for later rounds. */
bool batch_decide_round(struct batch *batch);

/* batch_loopback.c: what has been said to be heard at once becomes messages of the next round (then what was counted so far is applied);
   true if there are any. One that is refused
   goes the long way after all, through the journal, where a dead letter can be made of it. */
bool batch_hear_own(struct batch *batch);
/* Do several of its messages become one? */
bool batch_unites(const struct handler *handler);
/* What an event says; NULL: it cannot be read, which is for its hearer to find out. */
void *batch_read_said(struct batch *batch, const struct plan_event *event);
/* How this service itself hears what it says; NULL: it does not. */
const struct handler *batch_own_hearer(const struct plan_event *event);
void batch_say_after_all(struct batch *batch, struct message *m);

/* batch.c: a job whose work starts with the commit of this batch. */
bool batch_begins_job(const struct message *m);

/* batch_write.c */
void batch_collect(struct batch *batch, struct rows *rows, const void *row);
text batch_pack(struct batch *batch, const struct shape *shape, const void *body);
text batch_cause_of(struct batch *batch, const struct message *m); /* for what the message causes */
void batch_expect_alarm(struct lane *lane, const struct alarm_row *row); /* it is about to be set */
void batch_add_counters(struct batch *batch); /* what has been counted since the last time */
void batch_add_writes(struct batch *batch);   /* the rows of the round */
void batch_add_end(
    struct batch *batch); /* counters, alarms, replies, dead letters, journal, positions */

#endif
