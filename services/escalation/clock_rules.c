#include "clock_rules.h"

const struct clock_rule *clock_rules_find(const struct clock_rules *rules, text name)
{
    for (size_t i = 0; i < rules->n; i++) {
        if (text_equal(rules->at[i].name, name)) return &rules->at[i];
    }
    return NULL;
}

const struct named_calendar *clock_rules_calendar(const struct clock_rules *rules, text name)
{
    for (size_t i = 0; i < rules->calendars_n; i++) {
        if (text_equal(rules->calendars[i].name, name)) return &rules->calendars[i];
    }
    return NULL;
}

const struct named_calendar *clock_rules_calendar_of(const struct clock_rules *rules, text base,
                                                     text unit)
{
    const struct named_calendar *common = NULL;
    for (size_t i = 0; i < rules->calendars_n; i++) {
        const struct named_calendar *calendar = &rules->calendars[i];
        if (!text_equal(calendar->base, base)) continue;
        if (texts_have(calendar->units, unit)) return calendar;
        if (calendar->units.n == 0) common = calendar;
    }
    return common;
}

bool texts_have(struct yaml_texts texts, text wanted)
{
    for (size_t i = 0; i < texts.n; i++) {
        if (text_equal(texts.at[i], wanted)) return true;
    }
    return false;
}
