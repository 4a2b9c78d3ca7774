/* store: all SQL of intake. */
#ifndef KEFU_INTAKE_STORE_H
#define KEFU_INTAKE_STORE_H

#include "intake_rows.msg.h"
#include "db/statement.h"

extern const struct statement contact_known;  /* intake_known by origin */
extern const struct statement contact_insert; /* intake_contact */
extern const struct statement ticket_lock;    /* intake_counted by id */
extern const struct statement ticket_count;   /* intake_counted: words were added */
extern const struct statement ticket_insert;  /* intake_ticket */
/* intake_linked: with the words of the ticket it goes on from */
extern const struct statement ticket_link;
extern const struct statement ticket_close; /* intake_closing: a complaint is closed */
/* intake_closing by customer: the complaints closed last, newest first */
extern const struct statement closing_read;
extern const struct statement note_insert;     /* intake_note */
extern const struct statement follow_up_known; /* intake_follow_up by origin */
extern const struct statement customer_add;    /* intake_customer */

/* Of queries alone. */
extern const struct statement record_asked; /* intake_record by ticket */
/* intake_note by ticket: of ticket.record, oldest first */
extern const struct statement note_page_asked;
extern const struct statement notes_named;       /* intake_note by id: of one ticket */
extern const struct statement customer_asked;    /* intake_customer by id */
extern const struct statement contacts_asked;    /* intake_contact by customer, newest first */
extern const struct statement source_page_asked; /* intake_page: of source.list */

/* At start (canary.h), with bytes as $1. sealed_records: some of what is sealed, old and new, each
   after the eight bytes of the number of the row that it is sealed for. */
extern const char canary_read[], canary_first[], canary_renew[], sealed_records[];

extern const struct statement *const intake_store[];
extern const size_t intake_store_n;

#endif
