/*
 * routing_policy: what flows/, routing.yaml and organisation.yaml decide for routing, compiled.
 * Pure.
 */
#ifndef KEFU_ROUTING_POLICY_H
#define KEFU_ROUTING_POLICY_H

#include "data/shape.h"
#include "policy/bundle.h"
#include "policy/flow.h"

struct priority_rule {
    text flag, kind; /* either may be absent */
    int64_t priority;
};

struct topic_rule {
    text kind, topic, unit; /* absent: fits all */
    text department;
};

struct queue_rule {
    text name;
    text kind, flag;         /* absent: fits all */
    struct yaml_texts roles; /* none: fits all */
    bool per_department;     /* only people of the ticket's department */
    bool manual;             /* waits for a person's decision (RTE-28) */
    bool skill_of_kind;      /* the skill is the ticket's kind … */
    text skill;              /* … or this one; absent: none */
    bool emergency_roster;   /* the 24 h duty roster may take it too (REP-11) */
};

struct stand_in {
    text unit_type, flag; /* one of them */
    text role, by;
};

struct role_rule {
    text name;
    struct yaml_texts counts_as;
};

struct routing_policy {
    const struct flows *flows;
    const struct priority_rule *priorities;
    size_t priorities_n;
    int64_t priority_default;
    const struct topic_rule *topics;
    size_t topics_n;
    const struct queue_rule *queues; /* the last fits everything */
    size_t queues_n;
    const struct stand_in *stand_ins;
    size_t stand_ins_n;
    const struct role_rule *roles;
    size_t roles_n;
    struct maybe_int most_open;     /* the limit of those without one of their own */
    bool first_handler_owns;        /* the contact owner where nobody recorded the contact */
    struct yaml_texts assign_roles; /* may override an assignment (RTE-11) */
    struct yaml_texts lower_roles;  /* may lower a repair class (REP-11) */
};

extern const struct policy_owner routing_policy_owner;

/* The properties of a ticket that decide where it goes. */
struct routing_case {
    text kind, topic, department;
    text flags;                                  /* names */
    bool (*in_unit)(const void *ctx, text unit); /* is its org unit this unit, or below it? */
    bool (*of_type)(const void *ctx,
                    text unit_type); /* is its org unit of this type, or below such a unit? */
    const void *ctx;
};

int64_t routing_priority(const struct routing_policy *policy, const struct routing_case *which);
/* The department of the first row that fits; absent if none does. */
text routing_department(const struct routing_policy *policy, const struct routing_case *which);
const struct queue_rule *routing_queue(const struct routing_policy *policy,
                                       const struct routing_case *which, text role);
const struct queue_rule *routing_queue_named(const struct routing_policy *policy,
                                             text name); /* or NULL */
/* The role that answers where the flow says `role` (AMB-52). */
text routing_stand_in(const struct routing_policy *policy, const struct routing_case *which,
                      text role);
/* The roles a person may act in on that ticket: own ones, those they count as, those they stand in
   for. */
struct yaml_texts routing_roles(const struct routing_policy *policy,
                                const struct routing_case *which, text own, struct arena *arena);
/* Is the wanted role among them? */
bool routing_acts(const struct routing_policy *policy, const struct routing_case *which, text own,
                  text wanted);
/* Does one of the own roles count as the wanted one? */
bool routing_counts(const struct routing_policy *policy, text own, text wanted);

#endif
