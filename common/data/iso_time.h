/*
 * iso_time: times as ISO 8601, without quotes, strict: no leap seconds, years 1 to 9999. No time
 * zone library, only the calendar's arithmetic.
 */
#ifndef KEFU_ISO_TIME_H
#define KEFU_ISO_TIME_H

#include "base/buf.h"

/* In UTC: "2026-11-22T03:04:05Z", with microseconds if they are not 0. */
void json_add_time(struct buf *out, time_us time);
/* Reads "2026-11-22T03:04:05[.ffffff]Z", or with an offset such as "+08:00". */
bool json_time(text iso, time_us *out);

#endif
