#include "notify_rules.h"

#include <stdlib.h>

const char rules_locale[] = "zh-CN";

bool rules_have(const struct yaml_texts *texts, text item)
{
    for (size_t i = 0; i < texts->n; i++)
        if (text_equal(texts->at[i], item)) return true;
    return false;
}

const struct template *rules_template(const struct notify_rules *rules, text id, text locale)
{
    const struct template *found = NULL;
    for (size_t i = 0; i < rules->templates_n; i++) {
        const struct template *template = &rules->templates[i];
        if (!text_equal(template->id, id)) continue;
        if (text_equal(template->locale, locale)) return template;
        if (text_is(template->locale, rules_locale)) found = template;
    }
    return found;
}

int rules_compare_words(const void *a, const void *b)
{
    const struct word *x = a, *y = b;
    int order = text_compare(x->code, y->code);
    if (order == 0) order = text_compare(x->section, y->section);
    return order != 0 ? order : text_compare(x->locale, y->locale);
}

static const struct word *find_word(const struct notify_rules *rules, const struct word *wanted)
{
    return bsearch(wanted, rules->words, rules->words_n, sizeof(*wanted), rules_compare_words);
}

text rules_word(const struct notify_rules *rules, const char *section, text code, text locale)
{
    struct word wanted = {.section = text_of(section), .code = code, .locale = locale};
    const struct word *found = find_word(rules, &wanted);
    wanted.locale = text_of(rules_locale);
    if (found == NULL) found = find_word(rules, &wanted);
    return found != NULL ? found->is : code;
}

const struct zone *rules_zone(const struct notify_rules *rules, text unit)
{
    for (size_t i = 0; i < rules->zones_n; i++)
        if (text_equal(rules->zones[i].unit, unit)) return rules->zones[i].zone;
    return rules->zone;
}

const struct urgency *rules_urgency(const struct notify_rules *rules, text code)
{
    for (size_t i = 0; i < rules->urgencies_n; i++)
        if (text_equal(rules->urgencies[i].code, code)) return &rules->urgencies[i];
    return NULL;
}

bool rules_quiet_channel(const struct notify_rules *rules, text channel)
{
    return rules_have(&rules->quiet_channels, channel);
}

uint32_t rules_values_of(enum fact fact)
{
    const uint32_t ticket =
        VALUE_BIT(VALUE_TICKET) | VALUE_BIT(VALUE_KIND) | VALUE_BIT(VALUE_TOPIC) |
        VALUE_BIT(VALUE_CLASS) | VALUE_BIT(VALUE_STATE) | VALUE_BIT(VALUE_PROJECT) |
        VALUE_BIT(VALUE_DEPARTMENT) | VALUE_BIT(VALUE_LABEL) | VALUE_BIT(VALUE_OWNER_NAME) |
        VALUE_BIT(VALUE_HANDLER_NAME) | VALUE_BIT(VALUE_ROUND) | VALUE_BIT(VALUE_RECEIVED_AT) |
        VALUE_BIT(VALUE_SEQ);
    const uint32_t clock = VALUE_BIT(VALUE_CLOCK) | VALUE_BIT(VALUE_CLOCK_NAME);
    switch (fact) {
    case FACT_STARTED: return ticket | VALUE_BIT(VALUE_PROMISED_AT);
    case FACT_MOVED:
        return ticket | VALUE_BIT(VALUE_PROMISED_AT) | VALUE_BIT(VALUE_REASON) |
               VALUE_BIT(VALUE_ANSWER);
    case FACT_QUEUED: return ticket | VALUE_BIT(VALUE_QUEUE) | VALUE_BIT(VALUE_REASON);
    case FACT_LEVEL:
        return ticket | clock | VALUE_BIT(VALUE_LEVEL) | VALUE_BIT(VALUE_SHARE) |
               VALUE_BIT(VALUE_DUE_AT);
    case FACT_WITHDRAWN: return ticket | clock | VALUE_BIT(VALUE_DUE_AT);
    case FACT_COMMAND: return ticket | VALUE_BIT(VALUE_PURPOSE) | VALUE_BIT(VALUE_WORDS);
    default: return ticket;
    }
}
