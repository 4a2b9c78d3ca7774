/*
 * rules: the clocks that the company keeps, as compiled from clocks.yaml and calendars/ (policy.c):
 * what starts a clock, what stops and pauses it, how long it runs on which time, and whom its
 * ladder tells. Data only; how it is written is told in README.md.
 */
#ifndef KEFU_ESCALATION_CLOCK_RULES_H
#define KEFU_ESCALATION_CLOCK_RULES_H

#include "time/calendar.h"
#include "data/yaml.h"

enum { LADDER_LEVELS = 16 };

/* Events from other services that matter to clocks. */
enum happening_kind { TICKET_STARTED, TICKET_MOVED, TICKET_ASSIGNED, REPLY_DELIVERED };

/* The words of clocks.yaml under start, restart and stop. */
enum clock_word {
    ON_OPENED,
    ON_CLOSED,   /* any end state that is no shared exit */
    ON_STEP,     /* one of `steps` was taken */
    ON_PROMISED, /* the customer was told a time */
    /* a named handler other than the recorder, or the recorder solved it in the contact (SLA-02) */
    ON_HANDLER_NAMED,
    /* a reply of a named person was really delivered, or given in the contact itself (SLA-30) */
    ON_REPLIED,
    ON_ACKNOWLEDGED, /* CMP-02 */
    ON_CLASS_CHANGED,
    ON_MOVED
};

struct clock_trigger {
    enum clock_word word;
    text step;    /* of ON_STEP */
    bool restart; /* of a start: stands under `restart` */
};

struct clock_triggers {
    const struct clock_trigger *at;
    size_t n;
};

struct ladder_level {
    text name;     /* L1_50 */
    int64_t share; /* per cent of the clock's own time; 100 is the due time */
    struct yaml_texts roles;
};

struct ladder {
    text name;
    struct ladder_level at[LADDER_LEVELS]; /* by share, rising; one of them is 100 */
    size_t n;
};

enum limit_kind {
    LIMIT_SPAN,
    LIMIT_PROMISED, /* the time that was told */
    LIMIT_STEP      /* comes with the move: not kept here yet, such clocks never start */
};

struct class_limit {
    text class;
    struct span limit;
};

struct clock_rule {
    text name; /* SLA-02 */
    text rule; /* what it rests on */
    struct yaml_texts kinds;
    text when;              /* only tickets of this class; absent: all */
    text base;              /* service, natural or business */
    bool emergency_natural; /* runs on natural time for a ticket of class emergency (SLA-28) */
    enum limit_kind kind;
    struct span limit;
    text limit_text;
    /* other limits by class; a class that is not among them has no such clock */
    const struct class_limit *classes;
    size_t classes_n;
    int64_t share;        /* per cent of the limit */
    bool unless_promised; /* only while no time was told to the customer */
    bool from_contact;    /* counts from the contact's own time (SLA-29), else from the event */
    bool restart_from_contact; /* the same when it starts anew */
    struct clock_triggers starts;
    struct clock_triggers stops;
    bool pauses;
    text repeat_level; /* told at once on a repeat complaint (SLA-40); absent: none */
    const struct ladder *ladder;
};

/* One file of calendars/. */
struct named_calendar {
    text name;
    text base;               /* which base it is the calendar of */
    struct yaml_texts units; /* organisation units that have it; none named: all others */
    int64_t day;             /* microseconds of working time in one working day */
    struct calendar *calendar;
};

struct clock_rules {
    const struct clock_rule *at;
    size_t n;
    const struct named_calendar *calendars;
    size_t calendars_n;
    struct span most_pause; /* SLA-31, on the business calendar */
    /* states of waiting for the customer, reached by an outbound attempt (SLA-31) */
    struct yaml_texts waiting;
};

/* NULL if there is none. */
const struct clock_rule *clock_rules_find(const struct clock_rules *rules, text name);
const struct named_calendar *clock_rules_calendar(const struct clock_rules *rules, text name);
/* The calendar of a base for an organisation unit: its own, else the one for all others. NULL if
   there is none. */
const struct named_calendar *clock_rules_calendar_of(const struct clock_rules *rules, text base,
                                                     text unit);
bool texts_have(struct yaml_texts texts, text wanted);

#endif
