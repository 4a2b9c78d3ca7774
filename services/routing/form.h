/*
 * form: does what was sent with a step fill the step's form? Pure.
 *
 * Free text is recorded with intake first; here stands only its number, "note:4711". Other values
 * are codes, numbers of tickets, times in ISO 8601 and staff codes, so that no customer's words get
 * into routing's rows and events.
 */
#ifndef KEFU_ROUTING_FORM_H
#define KEFU_ROUTING_FORM_H

#include "policy/flow.h"
#include "policy.h"

#include "routing.msg.h"
#include "routing_rows.msg.h"

struct form {
    struct list fields; /* form_value, as sent */
    text handler;       /* the command's own fields stand for form fields of their names */
    text department;
    struct list assignees; /* texts */
    struct list notes;     /* note rows known of this ticket */
    struct list people;    /* person rows */
    int64_t ticket;
    const struct routing_policy *policy;
    const struct routing_case *which;
};

enum form_verdict {
    FORM_GOOD,
    FORM_BAD,
    FORM_EARLY /* refers to a note that has not been heard of yet */
};

/* FORM_BAD: err names field and rule. */
enum form_verdict form_check(const struct flow_step *step, const struct flow_at *at,
                             const struct form *form, struct err *err);
/* The value of a field, or the absent text. */
text form_get(const struct form *form, text name);
time_us form_time(const struct form *form, text name);
/* The code of the step's choice that is its reason, if it has one. */
text form_reason(const struct flow_step *step, const struct form *form);
/* All fields as name=value, joined by spaces; department and handler of the command itself are the
   last. */
text form_write(const struct form *form, struct arena *arena);
/* The active person of that code, or NULL. */
const struct person_row *people_find(struct list people, text staff);

#endif
