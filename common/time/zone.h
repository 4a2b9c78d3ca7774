/*
 * zone: what the wall clock reads at an instant, from the time zone files of the system (package
 * tzdata). The only door to those files.
 */
#ifndef KEFU_ZONE_H
#define KEFU_ZONE_H

#include "base/err.h"
#include "time/zone_rule.h"

struct zone;

/* Read the zone of an IANA name, such as "Asia/Shanghai". NULL on failure. */
MUST_CHECK struct zone *zone_load(text name, struct err *err);
/* True if the text could name a zone: it stays inside the directory of zone files. */
bool zone_name_is_safe(text name);
/* The same from the bytes of a TZif file (RFC 8536), whatever they are. Pure. NULL on failure. */
MUST_CHECK struct zone *zone_parse(text bytes, struct err *err);
void zone_destroy(struct zone *zone); /* NULL is fine */
/* The era of an instant, in seconds since 1970 UTC. Two neighbouring eras may have the same
   offset. */
struct zone_era zone_era(const struct zone *zone, int64_t seconds);

#endif
