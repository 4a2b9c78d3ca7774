/*
 * store: all statements of reporting.
 */
#ifndef KEFU_REPORTING_STORE_H
#define KEFU_REPORTING_STORE_H

#include "db/statement.h"

/* Facts. */
extern const struct statement ticket_lock, ticket_insert, ticket_update;
extern const struct statement clock_lock, clock_insert, clock_update;
extern const struct statement message_lock, message_insert, message_update;
extern const struct statement staff_lock, staff_write;
extern const struct statement contact_add; /* a contact that is known stays as it is */

/* Counters and the feed. */
extern const struct statement topics_last; /* the last values of topics, by name */
extern const struct statement kpi_topics;  /* the last published KPIs */
extern const struct statement feed_now;    /* the feed's head, and when the KPIs are due */
extern const struct statement feed_state_write, feed_append, feed_cut, topic_insert;
/* the current month; only the line `gate` is missing while it is too early */
extern const struct statement figures_now;

/* Queries. */
extern const struct statement figures_between;
extern const struct statement topics_all, feed_head;
extern const struct statement feed_resumes, feed_entries, feed_snapshot;
extern const struct statement drill_state, drill_open, drill_department, drill_held, drill_waiting,
    drill_exit, drill_clock, drill_message;

/* Statements feed_socket.c runs on a connection of its own. */
extern const struct statement feed_tail, feed_last;

#define FEED_KEPT 100000 /* entries to resume from */
enum { FEED_PAGE = 500, FEED_PAGE_MAX = 5000 };

/* Every statement, in the order in which tables are locked and written. */
enum { STORE_STATEMENTS = 34 };
extern const struct statement *const store_all[STORE_STATEMENTS];

#endif
