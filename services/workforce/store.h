/* store: all SQL of workforce. */
#ifndef KEFU_WORKFORCE_STORE_H
#define KEFU_WORKFORCE_STORE_H

#include "db/statement.h"
#include "workforce_rows.msg.h"

extern const struct statement staff_lock;  /* workforce_staff by staff */
extern const struct statement duty_lock;   /* workforce_duty by staff */
extern const struct statement units_read;  /* workforce_unit, all */
extern const struct statement staff_read;  /* workforce_staff, all */
extern const struct statement unit_write;  /* workforce_unit */
extern const struct statement unit_keep;   /* workforce_unit: unless somebody stored it meanwhile */
extern const struct statement staff_write; /* workforce_staff */
extern const struct statement duty_write;  /* workforce_duty */
extern const struct statement stint_begin; /* workforce_stint */
extern const struct statement stint_end;   /* workforce_stint */
extern const struct statement lines_asked; /* workforce_line: of staff.list */

extern const struct statement *const workforce_store[];
extern const size_t workforce_store_n;

#endif
