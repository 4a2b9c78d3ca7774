/*
 * store: all SQL of routing, one named statement each. Tables are locked and written in the order
 * of routing_store.
 *
 * Who writes what: a ticket's rows only its own lane; `waiting` and `staff_load` only dispatch;
 * `staff_tally` tickets, as sums. All dispatching is one key, so one lane. So lanes meet only at
 * staff_tally, which is added to last and in order: no deadlock, and no ticket waits for dispatch.
 */
#ifndef KEFU_ROUTING_STORE_H
#define KEFU_ROUTING_STORE_H

#include "db/statement.h"

#include "routing_rows.msg.h"

extern const struct statement ticket_lock; /* by id */
extern const struct statement ticket_read; /* by id, without a lock */
extern const struct statement ticket_insert;
extern const struct statement ticket_update; /* all that a step may change */
extern const struct statement move_insert;
extern const struct statement move_read; /* by ticket, in order */
extern const struct statement note_insert;
extern const struct statement note_read; /* by ticket */
extern const struct statement
    waiting_read; /* the first 200 of each line, by priority, then arrival */
extern const struct statement
    waiting_unsaid; /* at most 500 of which nobody was told that they wait */
extern const struct statement wanting_read; /* what tickets want by now */
extern const struct statement waiting_insert;
extern const struct statement waiting_delete;
extern const struct statement waiting_say;     /* keeps the reason */
extern const struct statement queue_line_read; /* all */
extern const struct statement queue_line_insert;
extern const struct statement unit_write;
extern const struct statement unit_read; /* all */
extern const struct statement staff_write;
extern const struct statement duty_write;
extern const struct statement staff_load_insert; /* nothing taken yet */
extern const struct statement staff_load_write;
extern const struct statement staff_tally_add;
extern const struct statement person_read;         /* all, without their loads */
extern const struct statement candidate_read;      /* all, with them */
extern const struct statement candidate_page_read; /* the same, of the query staff.loads */
extern const struct statement ticket_page_read;    /* of the query ticket.list */

enum { WAITING_WINDOW = 200, UNSAID_WINDOW = 500 }; /* as in the statements */

extern const struct statement *const routing_store[];
extern const size_t routing_store_n;

#endif
