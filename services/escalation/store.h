/*
 * store: all statements of escalation.
 */
#ifndef KEFU_ESCALATION_STORE_H
#define KEFU_ESCALATION_STORE_H

#include "db/statement.h"

/* the ticket's copy; whoever holds it may change all its clocks */
extern const struct statement ticket_lock;
extern const struct statement clocks_read; /* all clocks of a ticket, in the order they began */
extern const struct statement pauses_read;
extern const struct statement replies_read; /* of a ticket, by time */
extern const struct statement ticket_write;
extern const struct statement clock_insert, clock_update;
extern const struct statement pause_write;
extern const struct statement reply_write;

/* The same for queries, which run beside the lanes. */
extern const struct statement ticket_asked;
extern const struct statement clocks_asked;
extern const struct statement pauses_asked;
extern const struct statement verdicts_asked;

/* Every statement, in the order in which tables are locked and written. */
enum { STORE_STATEMENTS = 13 };
extern const struct statement *const store_all[STORE_STATEMENTS];

#endif
