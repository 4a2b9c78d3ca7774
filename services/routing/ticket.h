/*
 * ticket: one ticket on the desk: what a step changes of it, who answers for it afterwards, and what others are told.
 *
 * A desk is made from the ticket's row (or a new one), changed by the functions below, and settled once: then the row is written,
 * the loads are counted and the change of handler is said.
 */
#ifndef KEFU_ROUTING_TICKET_H
#define KEFU_ROUTING_TICKET_H

#include "form.h"
#include "plan.h"
#include "routing_policy.h"

#include "routing.msg.h"
#include "routing_rows.msg.h"

struct desk {
    struct plan *plan;
    const struct routing_policy *policy; /* that the ticket runs under */
    const struct flow *flow;
    struct list people; /* person rows */
    struct list units;  /* unit rows */
    struct ticket_row ticket;
    struct routing_case which; /* set by desk_case() */
    text handler_before, queue_before;
    const char *how; /* the handler came: queue, named, manual, owner or recorder */
    bool new;
    bool counted;    /* dispatch has counted the new handler's load already */
    bool woken;      /* dispatch.due was said */
};

/* False if the ticket's policy or flow is not known: the plan is refused then. */
bool desk_load(struct desk *desk, struct plan *plan, const struct ticket_row *ticket, struct list people,
               struct list units);
/* Open a new ticket: state, flags, priority, department and first handler; says ticket.started. `flags` of the ticket are
   given. Settles. False if the plan is refused. */
bool desk_open(struct desk *desk, struct plan *plan, const struct ticket_row *ticket, struct list people,
               struct list units);

struct flow_at desk_at(struct desk *desk);
const struct routing_case *desk_case(struct desk *desk);
struct flow_actor desk_actor(struct desk *desk, const struct person_row *person);

/* Take a step that was found possible and allowed; actor NULL: the system. Takes what follows by itself. Says ticket.moved.
   The plan may be refused. */
void desk_step(struct desk *desk, const struct flow_step *step, const struct form *form,
               const struct person_row *actor, struct list assignees);
/* Name the handler outright. */
void desk_name(struct desk *desk, text handler, const char *how);
/* Write, count, and say ticket.assigned if the handler changed. `actor` may be absent. */
void desk_settle(struct desk *desk, text actor);
/* Give back a load that dispatch counted for nothing. */
void desk_give_back(struct desk *desk, text staff);
/* Keep what was decided without a step. */
void desk_record(struct desk *desk, const char *step, const char *action, text actor, text fields);

/* Say dispatch.due. */
void dispatch_wake(struct plan *plan);

#endif
