/*
 * flow: state machines as data. Reads deploy/policy/flows, checks them, and answers "which step is
 * this?". Pure: it moves nothing itself. How the YAML is written is told in
 * deploy/policy/README.md.
 *
 *     const struct flows *flows = flow_load(files, arena, err);
 *     const struct flow *flow = flow_find(flows, ticket->kind);
 *     const struct flow_step *step = flow_find_step(flow, &at, action, err);
 *     if (step == NULL || flow_check_actor(step, &at, &actor, err) < 0) return refuse(...);
 *     for each step->needs: the form must have it (skip those flow_need_applies() is false for)
 *     the ticket passes through step->to[0..n-1], all recorded; the last is its new state
 *     step->handler says where the handler of the new state comes from,
 *     step->handler_role what that person must be
 */
#ifndef KEFU_FLOW_H
#define KEFU_FLOW_H

#include "base/buf.h"
#include "policy/bundle.h"
#include "data/yaml.h"

/* Where the handler of the To state comes from. */
enum flow_handler {
    FLOW_KEEP, /* the same person goes on */
    /* assigned by the queue of (kind, handler_role, department): at once, or by hand in manual
       queues */
    FLOW_QUEUE,
    FLOW_OWNER, /* the contact owner (RTE-12) */
    FLOW_ACTOR, /* whoever takes this step */
    FLOW_NAMED, /* the person named in the form field `handler_field`; not given: as FLOW_QUEUE */
    /* whoever handled the To state when the ticket was last in it; nobody yet: as FLOW_QUEUE */
    FLOW_BACK,
    FLOW_NOBODY /* the ticket has ended */
};

/* Conditions on the actor besides a role of `by`. */
enum flow_who {
    FLOW_ANYONE,          /* any holder of the role */
    FLOW_HANDLER,         /* the handler of the state */
    FLOW_CONTACT_OWNER,   /* the contact owner */
    FLOW_HANDLER_OR_OWNER /* either */
};

/* The trigger of a step by `system`. An automatic step never triggers FLOW_ON_ENTRY again. */
enum flow_auto { FLOW_BY_HAND, FLOW_ON_ENTRY, FLOW_ON_DUE };

/* The time node (ORG-21): the time allowed in the From state. */
enum flow_due_kind {
    /* `span` after entering the state (after the event, in a step that begins the flow) */
    FLOW_DUE_SPAN,
    FLOW_DUE_CLOCK,  /* the clock `clock` of clocks.yaml runs on; nothing of its own */
    FLOW_DUE_BEFORE, /* `span` before that clock is due */
    FLOW_DUE_FIELD,  /* at the time in the form field `field`, given in an earlier step */
    /* at the next turn of `cycle`: daily (end of the working day), weekly or monthly */
    FLOW_DUE_CYCLE
};

struct flow_due {
    enum flow_due_kind kind;
    struct span span;
    text clock;
    text field;
    text cycle;
    text setting;      /* the key that says it, such as complaint.accept_h */
    bool from_contact; /* counted from the contact's own time, not from entering the state */
    /* instead, on natural time, for a ticket with flag "emergency"; SPAN_NONE: no difference */
    struct span emergency;
    text as; /* the step whose clock this is: it is not started anew */
};

enum flow_need_type {
    FLOW_NEED_TEXT,
    FLOW_NEED_TIME,
    FLOW_NEED_ID,    /* number of a ticket */
    FLOW_NEED_STAFF, /* staff code; `role` says what that person must be */
    FLOW_NEED_CHOICE,
    FLOW_NEED_TICK /* must be true */
};

struct flow_need {
    text name;
    enum flow_need_type type;
    text rule;
    text zh, en; /* labels */
    text role;   /* of FLOW_NEED_STAFF; absent: anyone */
    struct yaml_texts choices;
    text when;     /* needed only of tickets with this flag; absent: always */
    bool optional; /* may be given; "may" in the file */
};

struct flow_instead {
    text flag;
    text role;
};

struct flow_step {
    text id;      /* "CMP-T05", unique in all flows (shared exits stand in each) */
    text rule;    /* what else it rests on, such as RTE-31 */
    text what;    /* one sentence */
    text action;  /* the word people send, or the name of an automatic step */
    bool begins;  /* "from: nowhere": opens a ticket */
    bool any;     /* "from: any": every state that is not an end */
    bool is_exit; /* came from _exits.yaml */
    struct yaml_texts from;
    /* at least one; the last is the new state. Equal to from: no change, but recorded */
    struct yaml_texts to;
    struct yaml_texts by;               /* roles, any of them; "system" = software */
    const struct flow_instead *instead; /* for tickets with a flag another role moves it (AMB-52) */
    size_t instead_n;
    enum flow_who who;
    enum flow_auto automatic;
    enum flow_handler handler;
    text handler_role; /* who answers in the new state */
    /* for tickets with a flag another role does; flow_handler_role() */
    const struct flow_instead *handler_instead;
    size_t handler_instead_n;
    text handler_field; /* of FLOW_NAMED: "handler" unless the file says otherwise */
    const struct flow_need *needs;
    size_t needs_n;
    /* Guards; 0 = none. */
    int64_t round_below, round_from; /* rounds count from 1 */
    int64_t refusals_below;
    int64_t attempts_from; /* unanswered outbound attempts on record in this state (OUT-03) */
    struct yaml_texts when, unless; /* flags the ticket must have, must not have */
    /* ORG-70: "handler", "owner" or ids of steps the actor must not have taken here */
    struct yaml_texts not_same_as;
    /* Effects. */
    struct yaml_texts starts, stops, restarts; /* clocks */
    struct yaml_texts sets, clears;            /* flags */
    struct yaml_texts say; /* hints: templates that notify.yaml sends at this step */
    bool next_round;
    bool refusal;     /* counts as a refusal of the department (RTE-31) */
    text opens;       /* kind of a linked ticket to open; absent = none */
    text opens_field; /* ... or the form field that says the kind */
    text links_field; /* form field with the number of the ticket to link (merge) */
    struct flow_due due;
    int line;
};

struct flow_state {
    text name;
    text zh, en;
    text stage;               /* for reports (CMP-09); absent = none */
    text answers;             /* the role that answers in this state; absent in an end state */
    bool start, end;          /* a new ticket of the kind begins in the first start state */
    bool waits;               /* waiting for the customer: clocks may pause (SLA-31) */
    enum flow_handler opened; /* of a start state: where the first handler comes from (SLA-02) */
    struct yaml_texts starts; /* of a start state: clocks that start with the ticket */
    /* time allowed here: of the first step out of it that names one, else flow.step_due */
    struct flow_due due;
    int line;
};

struct flow_setting {
    text key;
    text value; /* "4wh", "2", "monthly" */
    text rule;
    bool unset_by_customer; /* the customer has not confirmed the value yet (AMB-03) */
};

struct flow {
    text kind; /* "complaint" */
    text name; /* file name */
    text zh, en;
    text rule; /* where the table stands in the rules */
    const struct flow_state *states;
    size_t states_n;
    const struct flow_step *steps; /* own steps in the file's order, then the shared exits */
    size_t steps_n;
    const struct flow_setting *settings; /* own and shared */
    size_t settings_n;
    struct yaml_texts flags;
    struct yaml_texts clocks;
};

struct flows {
    const struct flow *at;
    size_t n;
};

/* Is the name among the texts? */
bool flow_has(struct yaml_texts texts, text name);
const struct flow *flow_find(const struct flows *flows, text kind);      /* or NULL */
const struct flow_state *flow_state(const struct flow *flow, text name); /* or NULL */
const struct flow_step *flow_step(const struct flow *flow, text id);     /* or NULL */
/* The setting's value; absent text if there is none. flow_setting_int gives `fallback` if absent or
   no number. */
text flow_setting(const struct flow *flow, const char *key);
int64_t flow_setting_int(const struct flow *flow, const char *key, int64_t fallback);

/* Where a ticket stands. */
struct flow_at {
    text state;
    int64_t round; /* from 1 */
    int64_t refusals;
    int64_t attempts;
    struct yaml_texts flags;
};

/* The step that `action` means in this state, guards considered. NULL: err names the actions that
   are possible here, or the guard that refuses with its rule. Steps that begin a flow are found
   with an absent state. */
const struct flow_step *flow_find_step(const struct flow *flow, const struct flow_at *at,
                                       text action, struct err *err);
/* The automatic step to take now, or NULL. */
const struct flow_step *flow_automatic(const struct flow *flow, const struct flow_at *at,
                                       enum flow_auto trigger);
/* Can this step be taken from there (state and guards)? For lists of possible actions. */
bool flow_possible(const struct flow *flow, const struct flow_step *step, const struct flow_at *at);
bool flow_need_applies(const struct flow_need *need, const struct flow_at *at);
/* The role that answers after this step, `handler_instead` considered. */
text flow_handler_role(const struct flow_step *step, const struct flow_at *at);

struct flow_actor {
    struct yaml_texts roles; /* with aliases resolved */
    bool owner;              /* is the contact owner (or stands in for them) */
    bool handler;            /* is the handler */
    struct yaml_texts took;  /* ids of the steps this person took on this ticket */
};

/* May this person take the step? -1 with err (rule ORG-69 or ORG-70). */
MUST_CHECK int flow_check_actor(const struct flow_step *step, const struct flow_at *at,
                                const struct flow_actor *actor, struct err *err);

#endif
