/*
 * desk: one ticket on the desk, with all that is needed to decide about it.
 *
 * A desk is made from the ticket's row (or a new one), changed by handover.h (who answers for it)
 * and step.h (steps of its flow), and settled once: then the row is written, loads are counted and
 * a change of handler is said.
 */
#ifndef KEFU_ROUTING_DESK_H
#define KEFU_ROUTING_DESK_H

#include "form.h"
#include "runtime/api/plan.h"
#include "policy.h"

#include "routing.msg.h"
#include "routing_rows.msg.h"

/* Small tables that every decision sees whole. */
struct company {
    struct list people; /* person rows */
    struct list units;  /* unit rows */
    struct list lines;  /* queue_line rows */
};
/* The handler must load person_read, unit_read and queue_line_read. */
struct company company_of(const struct facts *facts);

struct desk {
    struct plan *plan;
    const struct routing_policy *policy; /* that the ticket runs under */
    const struct flow *flow;
    struct company company;
    struct ticket_row ticket;
    struct routing_case which; /* set by desk_case() */
    text handler_before, queue_before;
    const char *how; /* the handler came: queue, named, manual, owner or recorder */
    bool new;
    bool counted; /* dispatch has counted the new handler's load already */
    bool woken;   /* dispatch.due was said */
    /* a linked ticket that a step asks for: enter_linked() opens it */
    const struct ticket_row *opens;
};

/* False if the ticket's policy or flow is not known: the plan is refused then. */
bool desk_load(struct desk *desk, struct plan *plan, const struct ticket_row *ticket,
               const struct company *company);
/* The same for a desk whose ticket is set already. */
bool desk_find_flow(struct desk *desk);

/* The ticket is not there: "not now" if its number was drawn lately and may not have been heard of
   yet, else a refusal. */
void desk_missing(struct plan *plan, int64_t ticket);

struct flow_at desk_at(struct desk *desk);
const struct routing_case *desk_case(struct desk *desk);
struct flow_actor desk_actor(struct desk *desk, const struct person_row *person);

/* Entries "KEY=value" of a list. */
bool desk_entry(text entry, text *key, text *value);
struct list desk_list(struct yaml_texts texts);

#endif
