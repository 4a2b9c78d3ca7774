/*
 * zone_rule: the POSIX TZ rule at the end of a time zone file ("CET-1CEST,M3.5.0,M10.5.0/3"): what
 * the zone does for ever after its last listed change. Pure.
 */
#ifndef KEFU_ZONE_RULE_H
#define KEFU_ZONE_RULE_H

#include "base/err.h"

/* A time in which the zone's offset does not change: [from, until), in seconds since 1970 UTC. */
struct zone_era {
    int64_t from;
    int64_t until;
    int32_t offset; /* seconds to add to UTC to get the wall clock's reading */
};

enum zone_day_kind { ZONE_DAY_OF_MONTH_WEEK, ZONE_DAY_WITHOUT_LEAP, ZONE_DAY_WITH_LEAP };

struct zone_day {
    enum zone_day_kind kind;
    int month, week, weekday; /* Mm.w.d; week 5 = the last one; weekday 0 = Sunday */
    int day;                  /* Jn: 1..365, 29 February never counted; n: 0..365 */
    int32_t time; /* seconds after midnight of the wall clock before the change; may be negative */
};

struct zone_rule {
    int32_t standard; /* offsets */
    int32_t summer;
    bool changes; /* false: standard time all year */
    struct zone_day begin, end;
};

MUST_CHECK int zone_rule_read(text from, struct zone_rule *rule, struct err *err);
/* The era of an instant within the years 3..9997. */
struct zone_era zone_rule_era(const struct zone_rule *rule, int64_t seconds);

#endif
