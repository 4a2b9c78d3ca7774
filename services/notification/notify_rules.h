/*
 * rules: the compiled policy of notification: which fact makes which message, in which words, and
 * when customers may be rung. Compiled by policy.c from notify.yaml, quiet.yaml and templates/.
 */
#ifndef KEFU_NOTIFICATION_NOTIFY_RULES_H
#define KEFU_NOTIFICATION_NOTIFY_RULES_H

#include "policy/bundle.h"
#include "quiet.h"
#include "template.h"
#include "data/yaml.h"

enum fact {
    FACT_STARTED,
    FACT_MOVED,
    FACT_ASSIGNED,
    FACT_QUEUED,
    FACT_LEVEL,
    FACT_WITHDRAWN,
    FACT_COMMAND,
    FACTS
};
enum { EITHER = -1 }; /* of `breached` */

struct template
{
    text id;
    text locale;
    int64_t version;
    bool customer;
    text subject;
    text body;
};

struct notify_rule {
    enum fact on;
    struct yaml_texts kinds, steps, clocks, levels, how; /* empty: all */
    int64_t round_from;
    int breached; /* false, true or EITHER */
    bool unless_answered;
    text template;
    text to; /* customer, handler, owner, actor, roles, or a role */
    struct yaml_texts channels;
    text cause;
    text urgent; /* an urgency reason, or absent */
    text not_to;
    text purpose; /* of a call */
    time_us due;  /* after receipt; 0: none */
};

struct urgency {
    text code;
    time_us within; /* of the planning of the call; 0: always */
};

struct up { /* who is told if nobody holds a role */
    text role;
    struct yaml_texts next;
};

struct zone_of_unit {
    text unit;
    const struct zone *zone;
};

struct word {
    text section;
    text code;
    text locale;
    text is;
};

struct notify_rules {
    struct notify_rule *at;
    size_t n;
    struct template *templates;
    size_t templates_n;
    struct word *words; /* in the order of rules_compare_words() */
    size_t words_n;
    struct up *ups;
    size_t ups_n;
    struct yaml_texts optional; /* roles that need not exist */
    struct quiet quiet;
    struct yaml_texts quiet_channels;
    const struct zone *zone;
    struct zone_of_unit *zones;
    size_t zones_n;
    struct urgency *urgencies;
    size_t urgencies_n;
    int64_t max_attempts; /* OUT-03 */
    time_us min_gap;
};

extern const char rules_locale[]; /* in which every template exists */

bool rules_have(const struct yaml_texts *texts, text item);
/* In that locale, else in the locale that every template has. NULL if there is no such template. */
const struct template *rules_template(const struct notify_rules *rules, text id, text locale);
int rules_compare_words(const void *a, const void *b); /* for qsort() */
/* A code's name; the code itself if there is none. */
text rules_word(const struct notify_rules *rules, const char *section, text code, text locale);
const struct zone *rules_zone(const struct notify_rules *rules, text unit);
/* NULL if it is no urgency reason. */
const struct urgency *rules_urgency(const struct notify_rules *rules, text code);
bool rules_quiet_channel(const struct notify_rules *rules, text channel);
/* The placeholders that a message about such a fact may have (bits). */
uint32_t rules_values_of(enum fact fact);

#endif
