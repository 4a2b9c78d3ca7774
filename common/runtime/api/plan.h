/*
 * plan: what a handler decides. A handler is a pure function of (plan, message, facts): it reads
 * the facts that were loaded for its message, and fills the plan. It does no I/O and asks nobody
 * for the time: plan->now is the time.
 *
 * Whatever is passed to a plan is copied (the struct itself; texts are borrowed and live in the
 * message's arena until commit).
 */
#ifndef KEFU_PLAN_H
#define KEFU_PLAN_H

#include "base/arena.h"
#include "data/pack.h"
#include "db/statement.h"

struct plan_inside; /* the runtime's side: common/runtime/api/plan_state.h */

struct plan {
    time_us now; /* the service's clock at the start of the transaction */
    /* of the message; header->time is when an event happened; header->actor who acts */
    const struct header *header;
    text principal;            /* who sent a command, as authenticated by the bus */
    text principal_role;       /* "service", "publisher", "operator", "gateway"… */
    text principal_sources;    /* of a publisher, joined by commas */
    unsigned principal_rights; /* RIGHT_…: what else its key may touch */
    const char *from;          /* the service whose event this is, or NULL */
    time_us due;               /* of an alarm: when it was due */
    int64_t attempt;           /* of a job's result: how many runs it took so far, from 1 */
    const void *policy;        /* the service's compiled policy in force */
    int64_t policy_version;
    struct arena *arena; /* dies after the commit */
    struct plan_inside *inside;
};

/* An earlier policy version, for what was started under it (SLA-34). NULL if it is not known. */
const void *plan_policy(struct plan *plan, int64_t version);

/* A number of 15 digits, yymmdd (UTC, of plan->now) and nine more, unique in the service, whose
   partition is that of the message. */
int64_t plan_new_id(struct plan *plan);

/* Write a row by a STATEMENT_WRITE statement, or add to counters by a STATEMENT_ADD statement. */
void plan_write(struct plan *plan, const struct statement *statement, const void *row);
void plan_add(struct plan *plan, const struct statement *statement, const void *row);

/* Say an event: it enters the journal in the same transaction. The shape's key fields must be
   set. */
void plan_say(struct plan *plan, const struct shape *event, const void *body);

/* Leave a message for this service's future self. One alarm for each (shape, key): a second call
   moves it. The body's shape names the key. It is heard by an ON_ALARM handler, never before
   `due`. */
void plan_wake(struct plan *plan, const struct shape *alarm, time_us due, const void *body);
void plan_cancel(struct plan *plan, const struct shape *alarm, text key);
void plan_cancel_id(struct plan *plan, const struct shape *alarm, int64_t key);
/* A job: like an alarm, but run by an ON_JOB handler's `run` outside any transaction, again and
   again until job_done(). */
void plan_job(struct plan *plan, const struct shape *job, time_us due, const void *body);

/* Answer a command or query: body is of the shape's `answer`. */
void plan_answer(struct plan *plan, const void *body);
/* Refuse: nothing of this plan is written. A refused event becomes a dead letter. field and rule
   may be NULL. */
void plan_refuse(struct plan *plan, const char *field, const char *rule, const char *format, ...)
    PRINTF(4, 5);
/* "Not now": the sender may try again at once (something it refers to has not arrived yet). For
   commands only. */
void plan_retry(struct plan *plan, const char *format, ...) PRINTF(2, 3);
bool plan_refused(const struct plan *plan);

/* The rows loaded for the message. `statement` must stand in the handler's loads. Rows are of the
   statement's row struct. */
struct facts;
const void *facts_one(const struct facts *facts,
                      const struct statement *statement); /* the first row, or NULL */
struct list facts_all(const struct facts *facts, const struct statement *statement);

#endif
