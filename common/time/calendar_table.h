/*
 * calendar_table: business time worked out for a table of cases, as `kefu calendar eval` does. Pure
 * apart from the zones.
 *
 * The table is TSV with a header line. Columns, in any order: id, op (add, sub or delta), tz,
 * hours, holidays, special (calendar_rules.h), pauses ("startUTC/endUTC;…"), start_utc, seconds (of
 * add and sub), end_utc (of delta). Others are ignored; those that no row needs may be absent,
 * except id, op, tz, hours and start_utc.
 */
#ifndef KEFU_CALENDAR_TABLE_H
#define KEFU_CALENDAR_TABLE_H

#include "base/buf.h"
#include "base/err.h"

/* Write "id<TAB>result" for each row, with a header line: seconds for delta, a UTC instant or
   "never" for add and sub. A bad row gets no result but a line "name:line: column: message" in
   `faults`. Returns the number of faults. */
size_t calendar_table_answer(text table, const char *name, struct buf *out, struct buf *faults);

#endif
