#include "runtime/door/control_reply.h"

#include "runtime/core/overdue.h"
#include "runtime/core/reply.h"

#include <stdlib.h>

struct workline *control_work;

void control_end(struct control *c)
{
    arena_destroy(c->arena);
    free(c);
}

void control_answer(struct control *c, const struct shape *shape, const void *body)
{
    reply_answer(c->request, c->id, shape, body);
    control_end(c);
}

void control_refuse(struct control *c, enum verb verb, const struct err *err)
{
    reply_refuse(c->request, verb, c->id, err);
    control_end(c);
}

static bool is_control_late(void *ctx)
{
    const struct control *c = ctx;
    return overdue(c->deadline, c->since_ms);
}

static void give_up_control(void *ctx)
{
    struct control *c = ctx;
    overdue_answer(c->request, c->id, c->deadline, false);
    control_end(c);
}

void control_queue(struct control *c, void (*start)(void *ctx, struct pg *pg))
{
    workline_add_until(control_work, start, is_control_late, give_up_control, c);
}

size_t control_page(const PGresult *result, struct maybe_int limit)
{
    size_t n = (size_t)PQntuples(result);
    return limit.given && (size_t)limit.is < n ? (size_t)limit.is : n;
}

void control_failed(struct control *c, const struct pg_trip *trip)
{
    struct err err;
    err_set(&err, "the database said: %s", trip->message);
    workline_next(control_work);
    control_refuse(c, trip->outcome == PG_TRANSIENT ? VERB_RETRY : VERB_REFUSED, &err);
}
