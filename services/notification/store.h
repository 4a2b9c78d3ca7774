/*
 * store: all SQL of notification, one named statement each. A ticket's rows are written by its own
 * lane only.
 */
#ifndef KEFU_NOTIFICATION_STORE_H
#define KEFU_NOTIFICATION_STORE_H

#include "db/statement.h"

#include "notification_rows.msg.h"

extern const struct query ticket_lock; /* the ticket's copy */
extern const struct query ticket_write;
extern const struct query message_lock; /* by id */
extern const struct query message_keys; /* by ticket: what it was told already */
extern const struct query message_insert;
extern const struct query message_update;    /* all that a delivery may change */
extern const struct query message_page_read; /* of the query message.list */
extern const struct query call_lock;         /* by id */
extern const struct query call_write;
extern const struct query call_page_read; /* of the query call.list */
extern const struct query staff_write;
extern const struct query duty_write;
extern const struct query unit_write;
extern const struct query unit_read;   /* all */
extern const struct query person_read; /* all */

extern const struct query *const notification_store[];
extern const size_t notification_store_n;

#endif
