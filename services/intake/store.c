#include "store.h"

#define CONTACT_COLUMNS                                                                            \
    "id, source, source_id, channel, received_at, recorded_at, recorder, org_unit, project,"       \
    " customer, locale, "                                                                          \
    "important, person, tickets"
#define TICKET_COLUMNS                                                                             \
    "id, contact, kind, topic, category, class, promised_at, customer, source, words"
#define NOTE_COLUMNS "ticket, id, name, words, by, at, channel, source, source_id"

/* A source has no slash in it (on_contact.c), so the first slash is the separator. */
const struct statement contact_known = {
    .kind = STATEMENT_READ,
    .row = &intake_known_row_shape,
    .by = "origin",
    .sql = "SELECT k.origin, c.id, c.customer, c.tickets FROM unnest(:keys) AS k(origin)"
           " JOIN contact c "
           "ON c.source = split_part(k.origin, '/', 1) AND c.source_id = substr(k.origin,"
           " strpos(k.origin, '/') + 1)"};

const struct statement contact_insert = {.kind = STATEMENT_WRITE,
                                         .row = &intake_contact_row_shape,
                                         .sql = "INSERT INTO contact (" CONTACT_COLUMNS
                                                ") SELECT " CONTACT_COLUMNS " FROM :rows"};

const struct statement ticket_insert = {.kind = STATEMENT_WRITE,
                                        .row = &intake_ticket_row_shape,
                                        .sql = "INSERT INTO ticket (" TICKET_COLUMNS
                                               ") SELECT " TICKET_COLUMNS " FROM :rows"};

const struct statement ticket_link = {
    .kind = STATEMENT_WRITE,
    .row = &intake_linked_row_shape,
    .sql = "INSERT INTO ticket (" TICKET_COLUMNS
           ") SELECT rows.id, rows.contact, rows.kind, rows.topic, t.category, NULL, "
           "NULL, t.customer, t.source, t.words FROM :rows LEFT JOIN ticket t ON t.id = rows.linked"
           " ON CONFLICT (id) DO NOTHING"};

const struct statement ticket_close = {
    .kind = STATEMENT_WRITE,
    .row = &intake_closing_row_shape,
    .sql = "UPDATE ticket SET closed_at = rows.closed_at FROM :rows WHERE ticket.id = rows.id"};

const struct statement closing_read = {
    .kind = STATEMENT_READ,
    .row = &intake_closing_row_shape,
    .by = "customer",
    .sql = "SELECT t.id, t.customer, t.topic, t.closed_at FROM unnest(:keys) AS k(customer)"
           " CROSS JOIN LATERAL "
           "(SELECT id, customer, topic, closed_at FROM ticket WHERE ticket.customer = k.customer "
           "AND closed_at IS NOT NULL ORDER BY closed_at DESC LIMIT 50) t ORDER BY t.customer,"
           " t.closed_at DESC"};

const struct statement ticket_lock = {
    .kind = STATEMENT_LOCK,
    .row = &intake_counted_row_shape,
    .by = "id",
    .whole = &intake_counted_row_shape,
    .sql = "SELECT id, notes, source FROM ticket WHERE id = ANY(:keys) ORDER BY id FOR UPDATE"};

const struct statement ticket_count = {
    .kind = STATEMENT_WRITE,
    .row = &intake_counted_row_shape,
    .sql = "UPDATE ticket SET notes = rows.notes FROM :rows WHERE ticket.id = rows.id"};

const struct statement record_asked = {
    .kind = STATEMENT_READ,
    .row = &intake_record_row_shape,
    .by = "ticket",
    .sql =
        "SELECT t.id AS ticket, t.contact, t.kind, c.source, c.source_id, c.channel, c.received_at,"
        " c.customer, "
        "c.locale, c.person, t.words FROM ticket t JOIN contact c ON c.id = t.contact"
        " WHERE t.id = ANY(:keys)"};

const struct statement note_insert = {.kind = STATEMENT_WRITE,
                                      .row = &intake_note_row_shape,
                                      .sql = "INSERT INTO note (" NOTE_COLUMNS
                                             ") SELECT " NOTE_COLUMNS " FROM :rows"};

const struct statement follow_up_known = {
    .kind = STATEMENT_READ,
    .row = &intake_follow_up_row_shape,
    .by = "origin",
    .whole = &intake_note_row_shape,
    .sql = "SELECT ticket, id, source, source_id, origin FROM note WHERE origin = ANY(:keys)"};

/* One more than is shown. */
const struct statement note_page_asked = {
    .kind = STATEMENT_READ,
    .row = &intake_note_row_shape,
    .by = "ticket",
    .sql = "SELECT " NOTE_COLUMNS
           " FROM note WHERE ticket = ANY(:keys) AND (:after IS NULL OR (at, id) > "
           "((SELECT a.at FROM note AS a WHERE a.ticket = :ticket AND a.id = :after), :after)) "
           "ORDER BY at, id LIMIT least(greatest(coalesce(:limit, 50), 1), 50) + 1"};

const struct statement notes_named = {
    .kind = STATEMENT_READ,
    .row = &intake_note_row_shape,
    .by = "id",
    .sql = "SELECT " NOTE_COLUMNS " FROM note WHERE ticket = :ticket AND id = ANY(:keys)"};

/* Two values under one number are two customers (person.h): the first keeps its file. Details
   without a name replace none with one, and those that are known already are not written again; a
   key without the right only begins a file. */
const struct statement customer_add = {
    .kind = STATEMENT_ADD,
    .row = &intake_customer_told_row_shape,
    .sql = "INSERT INTO customer (id, hash, person, named, details) "
           "SELECT DISTINCT ON (id) id, hash, person, named, details FROM :rows"
           " ORDER BY id, replaces DESC "
           "ON CONFLICT (id) DO UPDATE SET "
           "person = excluded.person, named = excluded.named, details = excluded.details "
           "WHERE customer.hash = excluded.hash"
           " AND customer.details IS DISTINCT FROM excluded.details"
           " AND (excluded.named OR NOT customer.named)"
           " AND EXISTS (SELECT FROM :rows WHERE rows.id = excluded.id AND rows.replaces = 1)"};

const struct statement customer_asked = {
    .kind = STATEMENT_READ,
    .row = &intake_customer_row_shape,
    .by = "id",
    .sql = "SELECT id, hash, person, named, details FROM customer WHERE id = ANY(:keys)"};

const struct statement contacts_asked = {
    .kind = STATEMENT_READ,
    .row = &intake_contact_row_shape,
    .by = "customer",
    .sql = "SELECT " CONTACT_COLUMNS
           " FROM contact WHERE customer = ANY(:keys) ORDER BY recorded_at DESC, id DESC LIMIT 50"};

const struct statement source_page_asked = {
    .kind = STATEMENT_READ,
    .row = &intake_page_row_shape,
    .sql = "SELECT source_id, tickets FROM contact WHERE source = :source "
           "AND source_id > coalesce(:after, '') COLLATE \"C\" ORDER BY source_id "
           "LIMIT least(coalesce(:limit, 500), 1000) + 1"};

const char canary_read[] = "SELECT sealed FROM canary";
const char canary_first[] = "INSERT INTO canary (sealed) VALUES ($1) ON CONFLICT DO NOTHING";
const char canary_renew[] = "UPDATE canary SET sealed = $1";
const char sealed_records[] =
    "(SELECT int8send(id) || person FROM contact WHERE person IS NOT NULL ORDER BY id LIMIT 1)"
    " UNION ALL (SELECT int8send(id) || person FROM contact WHERE person IS NOT NULL"
    " ORDER BY id DESC LIMIT 1)"
    " UNION ALL (SELECT int8send(contact) || words FROM ticket WHERE words IS NOT NULL"
    " ORDER BY id DESC LIMIT 1)"
    " UNION ALL (SELECT int8send(id) || person FROM customer ORDER BY id LIMIT 1)";

const struct statement *const intake_store[] = {
    &ticket_lock,       &contact_known,   &closing_read, &follow_up_known, &contact_insert,
    &ticket_insert,     &ticket_link,     &ticket_close, &ticket_count,    &note_insert,
    &record_asked,      &note_page_asked, &notes_named,  &customer_asked,  &contacts_asked,
    &source_page_asked, &customer_add,
};
const size_t intake_store_n = COUNT(intake_store);
