/*
 * intake: the handlers, one for each message.
 */
#ifndef KEFU_INTAKE_HANDLERS_H
#define KEFU_INTAKE_HANDLERS_H

#include "runtime/api/service.h"

struct intake_settings {
    const char *key_file;
    const char *org_unit;
};
extern struct intake_settings intake_settings;

/* on_contact.c */
void on_contact_record(struct plan *plan, const void *message, const struct facts *facts);
/* The customer of a contact_record with a complaint in it, else 0. */
int64_t complainer_of_contact(const void *message);

/* on_follow_up.c: what comes after the contact */
void on_contact_follow_up(struct plan *plan, const void *message, const struct facts *facts);
/* A hash of ticket, source and source id; the database makes the same of what it holds. */
int64_t origin_of_follow_up(const void *message);
void on_note_record(struct plan *plan, const void *message, const struct facts *facts);
void on_ticket_started(struct plan *plan, const void *message, const struct facts *facts);
void on_ticket_moved(struct plan *plan, const void *message, const struct facts *facts);

/* on_query.c */
void on_ticket_record(struct plan *plan, const void *message, const struct facts *facts);
void on_customer_find(struct plan *plan, const void *message, const struct facts *facts);
int64_t customer_of_find(const void *message);
void on_address_get(struct plan *plan, const void *message, const struct facts *facts);
void on_source_list(struct plan *plan, const void *message, const struct facts *facts);

#endif
