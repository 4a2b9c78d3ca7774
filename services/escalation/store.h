/*
 * store: all statements of escalation.
 */
#ifndef KEFU_ESCALATION_STORE_H
#define KEFU_ESCALATION_STORE_H

#include "db/statement.h"

/* the ticket's copy; whoever holds it may change all its clocks */
extern const struct query ticket_lock;
extern const struct query clocks_read; /* all clocks of a ticket, in the order they began */
extern const struct query pauses_read;
extern const struct query replies_read; /* of a ticket, by time */
extern const struct query ticket_write;
extern const struct query clock_insert, clock_update;
extern const struct query pause_write;
extern const struct query reply_write;

/* The same for queries, which run beside the lanes. */
extern const struct query ticket_asked;
extern const struct query clocks_asked;
extern const struct query pauses_asked;
extern const struct query verdicts_asked;

/* Every statement, in the order in which tables are locked and written. */
enum { STORE_STATEMENTS = 13 };
extern const struct query *const store_all[STORE_STATEMENTS];

#endif
