#include "store.h"

#define UNIT_COLUMNS "unit, parent, type, name_zh, name_en"
#define STAFF_COLUMNS                                                                              \
    "staff, name, unit, roles, skills, superior, deputy, email, webhook, locale, most_open, active"

const struct statement staff_lock = {
    .kind = STATEMENT_LOCK,
    .row = &workforce_staff_row_shape,
    .by = "staff",
    .sql =
        "SELECT " STAFF_COLUMNS " FROM staff WHERE staff = ANY(:keys) ORDER BY staff FOR UPDATE"};

const struct statement duty_lock = {
    .kind = STATEMENT_LOCK,
    .row = &workforce_duty_row_shape,
    .by = "staff",
    .sql = "SELECT staff, on_duty, roster, since FROM duty WHERE staff = ANY(:keys)"
           " ORDER BY staff FOR UPDATE"};

const struct statement units_read = {.kind = STATEMENT_READ,
                                     .row = &workforce_unit_row_shape,
                                     .sql = "SELECT " UNIT_COLUMNS " FROM unit ORDER BY unit"};

const struct statement staff_read = {.kind = STATEMENT_READ,
                                     .row = &workforce_staff_row_shape,
                                     .sql = "SELECT " STAFF_COLUMNS " FROM staff ORDER BY staff"};

const struct statement unit_write = {
    .kind = STATEMENT_WRITE,
    .row = &workforce_unit_row_shape,
    .sql = "INSERT INTO unit (" UNIT_COLUMNS ") SELECT " UNIT_COLUMNS
           " FROM :rows ON CONFLICT (unit) DO UPDATE SET "
           "parent = excluded.parent, type = excluded.type, name_zh = excluded.name_zh,"
           " name_en = excluded.name_en"};

const struct statement unit_keep = {.kind = STATEMENT_WRITE,
                                    .row = &workforce_unit_row_shape,
                                    .sql =
                                        "INSERT INTO unit (" UNIT_COLUMNS ") SELECT " UNIT_COLUMNS
                                        " FROM :rows ON CONFLICT (unit) DO NOTHING"};

const struct statement staff_write = {
    .kind = STATEMENT_WRITE,
    .row = &workforce_staff_row_shape,
    .sql = "INSERT INTO staff (" STAFF_COLUMNS ") SELECT " STAFF_COLUMNS
           " FROM :rows ON CONFLICT (staff) DO UPDATE SET "
           "name = excluded.name, unit = excluded.unit, roles = excluded.roles,"
           " skills = excluded.skills, "
           "superior = excluded.superior, deputy = excluded.deputy, email = excluded.email,"
           " webhook = excluded.webhook, "
           "locale = excluded.locale, most_open = excluded.most_open, active = excluded.active"};

const struct statement duty_write = {
    .kind = STATEMENT_WRITE,
    .row = &workforce_duty_row_shape,
    .sql = "INSERT INTO duty (staff, on_duty, roster, since) SELECT staff, on_duty, roster, since"
           " FROM :rows "
           "ON CONFLICT (staff) DO UPDATE SET on_duty = excluded.on_duty, roster = excluded.roster,"
           " since = excluded.since"};

/* Off and on again within one instant (the test clock stands still): the same stint goes on. */
const struct statement stint_begin = {
    .kind = STATEMENT_WRITE,
    .row = &workforce_stint_row_shape,
    .sql = "INSERT INTO stint (staff, began_at, ended_at, roster) SELECT staff, began_at, ended_at,"
           " roster FROM :rows "
           "ON CONFLICT (staff, began_at) DO UPDATE SET ended_at = NULL, roster = excluded.roster"};

const struct statement stint_end = {
    .kind = STATEMENT_WRITE,
    .row = &workforce_stint_row_shape,
    .sql = "UPDATE stint SET ended_at = rows.ended_at FROM :rows "
           "WHERE stint.staff = rows.staff AND stint.began_at = rows.began_at"};

const struct statement lines_asked = {
    .kind = STATEMENT_READ,
    .row = &workforce_line_row_shape,
    .sql =
        "SELECT s.staff, s.name, s.unit, s.roles, s.skills, coalesce(d.on_duty, false) AS on_duty,"
        " d.since "
        "FROM staff s LEFT JOIN duty d ON d.staff = s.staff WHERE s.active AND (:unit IS NULL"
        " OR s.unit = :unit) "
        "AND (:on_duty IS NULL OR coalesce(d.on_duty, false) = :on_duty) ORDER BY s.staff"
        " LIMIT 5000"};

/* Stints end before they begin: both may be written for one person in one round. */
const struct statement *const workforce_store[] = {
    &staff_lock,  &duty_lock,  &units_read, &staff_read,  &unit_keep,   &unit_write,
    &staff_write, &duty_write, &stint_end,  &stint_begin, &lines_asked,
};
const size_t workforce_store_n = COUNT(workforce_store);
