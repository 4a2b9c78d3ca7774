/*
 * store: all SQL of notification, one named statement each. A ticket's rows are written by its own
 * lane only.
 */
#ifndef KEFU_NOTIFICATION_STORE_H
#define KEFU_NOTIFICATION_STORE_H

#include "db/statement.h"

#include "notification_rows.msg.h"

extern const struct statement ticket_lock; /* the ticket's copy */
extern const struct statement ticket_write;
extern const struct statement message_lock; /* by id */
extern const struct statement message_keys; /* by ticket: what it was told already */
extern const struct statement message_insert;
extern const struct statement message_update;    /* all that a delivery may change */
extern const struct statement message_page_read; /* of the query message.list */
extern const struct statement call_lock;         /* by id */
extern const struct statement call_write;
extern const struct statement call_page_read; /* of the query call.list */
extern const struct statement staff_write;
extern const struct statement duty_write;
extern const struct statement unit_write;
extern const struct statement unit_read;   /* all */
extern const struct statement person_read; /* all */

extern const struct statement *const notification_store[];
extern const size_t notification_store_n;

#endif
