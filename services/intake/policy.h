/*
 * intake_policy: what tickets can be about (topics.yaml), and how long a complaint counts as
 * repeated (flows/complaint.yaml).
 */
#ifndef KEFU_INTAKE_POLICY_H
#define KEFU_INTAKE_POLICY_H

#include "policy/bundle.h"

enum intake_kind { KIND_INQUIRY, KIND_COMPLAINT, KIND_SUGGESTION, KIND_REPAIR, KINDS };
extern const char *const intake_kinds[KINDS + 1]; /* their names; ends with NULL */

struct intake_topic {
    text code;
    text class;  /* of a repair: its usual class */
    bool danger; /* the safety question makes it an emergency (REP-11) */
};

struct intake_policy {
    struct {
        const struct intake_topic *at;
        size_t n;
    } topics[KINDS];
    time_us repeat_window; /* CMP-21 */
};

extern const struct policy_owner intake_policy_owner;

/* The place of a name in a list that ends with NULL, or -1. */
int intake_index(const char *const *names, text name);
/* NULL if the kind has no such topic. */
const struct intake_topic *intake_topic_find(const struct intake_policy *policy,
                                             enum intake_kind kind, text code);

#endif
