/*
 * plan_inside: what a plan holds, for the runtime that carries it out. Handlers do not include
 * this.
 */
#ifndef KEFU_PLAN_STATE_H
#define KEFU_PLAN_STATE_H

#include "runtime/api/plan.h"

enum { PARTITIONS = 32 };

/* The partition of a key: the same in every service, for ever. */
int partition_of(text key);

struct plan_row {
    struct plan_row *next;
    const struct statement *statement;
    void *row;
};

struct plan_event {
    struct plan_event *next;
    bool late; /* goes through the journal, whoever hears it */
    const struct shape *shape;
    text key;
    text body;
    int partition;
};

struct plan_alarm {
    struct plan_alarm *next;
    const char *name;
    text key;
    text body;
    int partition;
    time_us due;
    int64_t attempt;
    bool cancel;
    bool job;
};

enum plan_verdict { PLAN_GOOD, PLAN_REFUSED, PLAN_RETRY };

/* Where numbers come from. Returns 0 if none is left for the partition: the batch is tried again
   once there are more. */
struct plan_host {
    int64_t (*new_id)(void *ctx, int partition, time_us now);
    const void *(*policy_of)(void *ctx, int64_t version);
    void *ctx;
};

struct plan_inside {
    const struct plan_host *host;
    int partition;
    const struct shape *answer_shape;
    struct plan_row *rows, **rows_end;
    struct plan_row *adds, **adds_end;
    struct plan_event *events, **events_end;
    struct plan_alarm *alarms, **alarms_end;
    text answer;
    bool answered;
    bool out_of_ids;
    enum plan_verdict verdict;
    struct err refusal;
};

void plan_start(struct plan *plan, struct plan_inside *inside);

/* Facts of one message: for each load a slice of the rows that the round read. */
struct facts {
    size_t n;
    struct fact_slice {
        const struct statement *statement;
        struct list rows;
    } slices[8];
};

#endif
