/*
 * trail: takes a ticket through the steps of a path, one after the other, leaving out those that it
 * took before: so that doing it again, or going on after an interruption, changes nothing. Many
 * trails may be under way at once.
 */
#ifndef KEFU_CLI_STEP_PATH_H
#define KEFU_CLI_STEP_PATH_H

#include "client.h"
#include "human_step.h"
#include "policy/flow.h"

struct trail_plan {
    struct client *client;
    const struct flows *flows; /* to know steps taken by their action */
    text kind;
    int64_t ticket;
    const text *actions;
    size_t n;
    text actor; /* absent: whoever is the handler, or `acting` if there is none */
    text acting;
    text step;  /* of the commands: this, a slash, the action (client.h) */
    time_us at; /* of the steps (client.h) */
    int64_t patience_ms;
    /* Fill the form of the step. */
    void (*fill)(void *ctx, struct deed *deed);
    /* Called once at the end: answered (without a body), or the reply that ended the trail. */
    void (*done)(void *ctx, const struct reply *end);
    void *ctx;
};

/* The plan is copied; what it points to must live until `done`. */
void trail_start(const struct trail_plan *plan);

/* The flows of the bundle in `home`. NULL with err. */
MUST_CHECK const struct flows *trail_flows(const char *home, struct arena *arena, struct err *err);

#endif
