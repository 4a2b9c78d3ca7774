#include "store.h"

#include "escalation_rows.msg.h"

#define TICKET                                                                                     \
    "ticket, kind, state, org_unit, department, owner, handler, class, round, received_at,"        \
    " repeated, "                                                                                  \
    "promised_at, handled_at, kept_at, ended_at"
#define CLOCK                                                                                      \
    "id, ticket, name, kind, round, policy, state, verdict, breached, base, calendar, allowed,"    \
    " limit_n, "                                                                                   \
    "limit_unit, levels, started_at, due_at, stopped_at, paused_at, started_by, stopped_by"
#define PAUSE "clock, from_at, to_at, ticket"
#define REPLY "ticket, at, person, gives, next_at"

const struct statement ticket_lock = {
    .kind = STATEMENT_LOCK,
    .row = &ticket_copy_row_shape,
    .by = "ticket",
    .whole = &ticket_copy_row_shape,
    .sql =
        "SELECT " TICKET " FROM ticket_copy WHERE ticket = ANY(:keys) ORDER BY ticket FOR UPDATE"};

const struct statement ticket_asked = {.kind = STATEMENT_READ,
                                       .row = &ticket_copy_row_shape,
                                       .by = "ticket",
                                       .sql = "SELECT " TICKET
                                              " FROM ticket_copy WHERE ticket = ANY(:keys)"};

const struct statement ticket_write = {
    .kind = STATEMENT_WRITE,
    .row = &ticket_copy_row_shape,
    .sql = "INSERT INTO ticket_copy (" TICKET ") SELECT " TICKET
           " FROM :rows ON CONFLICT (ticket) DO UPDATE SET"
           " kind = excluded.kind, state = excluded.state, org_unit = excluded.org_unit,"
           " department = excluded.department, owner = excluded.owner, handler = excluded.handler,"
           " class = excluded.class, round = excluded.round, received_at = excluded.received_at,"
           " repeated = excluded.repeated, promised_at = excluded.promised_at,"
           " handled_at = excluded.handled_at, kept_at = excluded.kept_at,"
           " ended_at = excluded.ended_at"};

#define CLOCKS_OF_TICKETS                                                                          \
    {                                                                                              \
        .kind = STATEMENT_READ, .row = &clock_row_shape, .by = "ticket",                           \
        .whole = &clock_row_shape, .order = {"started_at", "id"},                                  \
        .sql = "SELECT " CLOCK                                                                     \
               " FROM clock WHERE ticket = ANY(:keys) ORDER BY ticket, started_at, id"             \
    }
const struct statement clocks_read = CLOCKS_OF_TICKETS;
const struct statement clocks_asked = CLOCKS_OF_TICKETS;

const struct statement clock_insert = {.kind = STATEMENT_WRITE,
                                       .row = &clock_row_shape,
                                       .sql = "INSERT INTO clock (" CLOCK ") SELECT " CLOCK
                                              " FROM :rows"};

/* Columns fixed at a clock's start are never written again. */
const struct statement clock_update = {
    .kind = STATEMENT_WRITE,
    .row = &clock_row_shape,
    .sql = "UPDATE clock AS c SET state = rows.state, verdict = rows.verdict,"
           " breached = rows.breached, levels = rows.levels, due_at = rows.due_at,"
           " stopped_at = rows.stopped_at, paused_at = rows.paused_at, stopped_by = rows.stopped_by"
           " FROM :rows WHERE c.id = rows.id"};

#define PAUSES_OF_TICKETS                                                                          \
    {                                                                                              \
        .kind = STATEMENT_READ, .row = &pause_row_shape, .by = "ticket",                           \
        .whole = &pause_row_shape, .order = {"clock", "from_at"},                                  \
        .sql = "SELECT " PAUSE                                                                     \
               " FROM pause WHERE ticket = ANY(:keys) ORDER BY ticket, clock, from_at"             \
    }
const struct statement pauses_read = PAUSES_OF_TICKETS;
const struct statement pauses_asked = PAUSES_OF_TICKETS;

const struct statement pause_write = {
    .kind = STATEMENT_WRITE,
    .row = &pause_row_shape,
    .sql = "INSERT INTO pause (" PAUSE ") SELECT " PAUSE " FROM :rows"
           " ON CONFLICT (clock, from_at) DO UPDATE SET to_at = excluded.to_at"};

const struct statement replies_read = {
    .kind = STATEMENT_READ,
    .row = &customer_reply_row_shape,
    .by = "ticket",
    .whole = &customer_reply_row_shape,
    .order = {"at", "person"},
    .sql = "SELECT " REPLY
           " FROM customer_reply WHERE ticket = ANY(:keys) ORDER BY ticket, at, person"};

const struct statement reply_write = {
    .kind = STATEMENT_WRITE,
    .row = &customer_reply_row_shape,
    .sql = "INSERT INTO customer_reply (" REPLY ") SELECT " REPLY " FROM :rows"
           " ON CONFLICT (ticket, at, person) DO UPDATE SET gives = excluded.gives,"
           " next_at = excluded.next_at"};

const struct statement verdicts_asked = {
    .kind = STATEMENT_READ,
    .row = &verdict_line_row_shape,
    .sql = "SELECT id, ticket, round, state, verdict, breached, due_at, stopped_at FROM clock"
           " WHERE name = :name AND ticket > coalesce(:after, 0) ORDER BY ticket, id"
           " LIMIT least(coalesce(:limit, 500), 1000) + 32"};

const struct statement *const store_all[STORE_STATEMENTS] = {
    &ticket_lock,  &clocks_read,  &pauses_read,    &replies_read, &ticket_write,
    &clock_insert, &clock_update, &pause_write,    &reply_write,  &ticket_asked,
    &clocks_asked, &pauses_asked, &verdicts_asked,
};
