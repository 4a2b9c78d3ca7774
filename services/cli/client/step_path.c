#include "step_path.h"

#include "base/loop.h"
#include "policy/bundle.h"
#include "routing.msg.h"
#include "policy/flow_load.h"

#include <stdio.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 16, UNKNOWN_PAUSE_MS = 20 };

struct trail {
    struct trail_plan plan;
    bool taken[STEPS_MAX];
    size_t next;
    bool refused; /* the step at `next`: looked at once more before it is given up */
    struct err why;
    char actor[64];
    struct arena *arena; /* of the present step */
    int64_t unknown_until_ms;
};

const struct flows *trail_flows(const char *home, struct arena *arena, struct err *err)
{
    static const char *const patterns[] = {"flows/", NULL};
    char directory[4096];
    struct policy_files files = {0};
    snprintf(directory, sizeof(directory), "%s/deploy/policy", home);
    if (policy_read(directory, &(struct policy_owner){.files = patterns}, arena, &files, err) < 0)
        return NULL;
    return flow_load(&files, arena, err);
}

static void finish(struct trail *trail, const struct reply *end)
{
    trail->plan.done(trail->plan.ctx, end);
    arena_destroy(trail->arena);
    free(trail);
}

static void look(struct trail *trail, int64_t delay_ms);

/* --- what was done already --- */

static void note_move(struct trail *trail, const struct flow *flow, text step_id)
{
    const struct flow_step *step = flow_step(flow, step_id);
    for (size_t i = 0; step != NULL && i < trail->plan.n; i++)
        if (text_equal(step->action, trail->plan.actions[i])) trail->taken[i] = true;
}

static void note_ticket(struct trail *trail, const struct ticket_view *view)
{
    const struct flow *flow = flow_find(trail->plan.flows, view->kind);
    for (size_t i = 0; flow != NULL && i < view->moves.n; i++)
        note_move(trail, flow, LIST(view->moves, struct move_view)[i].step);
    text actor = trail->plan.actor.len > 0 ? trail->plan.actor
                 : view->handler.len > 0   ? view->handler
                                           : trail->plan.acting;
    if (trail->actor[0] == '\0')
        snprintf(trail->actor, sizeof(trail->actor), "%.*s", TEXT_ARG(actor));
}

/* --- going on --- */

static void go_on(struct trail *trail);

static void stepped(void *ctx, const struct reply *reply)
{
    struct trail *trail = ctx;
    if (reply->kind == REPLY_ANSWERED) {
        trail->next++;
        trail->refused = false;
        go_on(trail);
    } else if (reply->kind == REPLY_REFUSED && !trail->refused) {
        trail->refused = true; /* was it taken long ago, its reply forgotten? */
        trail->why = reply->err;
        look(trail, 0);
    } else {
        finish(trail, reply);
    }
}

static void go_on(struct trail *trail)
{
    const struct trail_plan *plan = &trail->plan;
    if (trail->refused && !trail->taken[trail->next]) {
        finish(trail, &(struct reply){.kind = REPLY_REFUSED, .err = trail->why});
        return;
    }
    while (trail->next < plan->n && trail->taken[trail->next]) trail->next++;
    trail->refused = false;
    if (trail->next == plan->n) {
        finish(trail, &(struct reply){.kind = REPLY_ANSWERED});
        return;
    }
    arena_reset(trail->arena);
    text action = plan->actions[trail->next];
    struct deed deed = {
        .ticket = plan->ticket,
        .action = action,
        .actor = text_of(trail->actor),
        .at = plan->at,
        .patience_ms = plan->patience_ms,
        .step = arena_printf(trail->arena, "%.*s/%.*s", TEXT_ARG(plan->step), TEXT_ARG(action))};
    plan->fill(plan->ctx, &deed);
    deed_do(plan->client, &deed, stepped, trail);
}

static void looked(void *ctx, const struct reply *reply)
{
    struct trail *trail = ctx;
    if (reply->kind == REPLY_ANSWERED) {
        note_ticket(trail, reply->body);
        go_on(trail);
    } else if (reply->kind == REPLY_REFUSED && loop_now_ms() < trail->unknown_until_ms) {
        look(trail, UNKNOWN_PAUSE_MS); /* routing has not heard of it yet */
    } else {
        finish(trail, reply);
    }
}

/* The pause is part of the question: a trail always has one open, and client_wait() waits for
   it. */
static void look(struct trail *trail, int64_t delay_ms)
{
    struct ticket_get get = {trail->plan.ticket};
    client_ask(trail->plan.client,
               &(struct question){.shape = &ticket_get_shape,
                                  .body = &get,
                                  .replica = ANY_REPLICA,
                                  .service = client_service(trail->plan.client, "routing"),
                                  .delay_ms = delay_ms,
                                  .patience_ms = trail->plan.patience_ms},
               looked, trail);
}

void trail_start(const struct trail_plan *plan)
{
    struct trail *trail = mem_alloc(sizeof(*trail));
    assert(plan->n <= STEPS_MAX);
    trail->plan = *plan;
    trail->arena = arena_create();
    trail->unknown_until_ms = loop_now_ms() + 10000;
    look(trail, 0);
}
