#include "db/sqlstate.h"

#include "base/base.h"

#include <string.h>

/* The first row that fits counts: a code stands before its class. What no row fits is the
   statement's own fault. */
static const struct sqlstate_row {
    const char *begins;
    const char *table; /* NULL: any */
    enum pg_outcome outcome;
} sqlstate_rows[] = {
    {"KF001", NULL, PG_FENCED},       /* fenced(): a later position stands there */
    {"23505", "position", PG_FENCED}, /* the same position stands there */
    {"08", NULL, PG_TRANSIENT},       /* connection */
    {"25006", NULL, PG_TRANSIENT},    /* read only: a standby, before or after a fail-over */
    {"25P03", NULL, PG_TRANSIENT},    /* idle in the transaction: this process was frozen */
    {"40", NULL, PG_TRANSIENT},       /* rolled back: deadlock, serialization */
    {"53400", NULL, PG_FAILED}, /* one statement needs more than is configured (temp_file_limit) */
    {"53", NULL, PG_TRANSIENT}, /* disk, memory, connections */
    {"55P03", NULL, PG_TRANSIENT}, /* lock time-out: somebody else holds the row */
    {"57014", NULL, PG_FAILED},    /* statement time-out: waited for ever it would stop its lane */
    {"57", NULL, PG_TRANSIENT},    /* shutdown, crash, start */
    {"58", NULL, PG_TRANSIENT},    /* files of the server */
};

enum pg_outcome sqlstate_outcome(const char *state, const char *table)
{
    for (size_t i = 0; i < COUNT(sqlstate_rows); i++) {
        const struct sqlstate_row *row = &sqlstate_rows[i];
        if (strncmp(state, row->begins, strlen(row->begins)) != 0) continue;
        if (row->table == NULL || (table != NULL && strcmp(table, row->table) == 0))
            return row->outcome;
    }
    return PG_FAILED;
}
