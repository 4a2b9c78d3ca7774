#include "store.h"

#define TICKET                                                                                     \
    "ticket, kind, topic, class, state, org_unit, project, department, owner, handler, label, "    \
    "locale, important, reachable, round, received_at, promised_at"
#define MESSAGE                                                                                    \
    "id, ticket, key, cause, template, version, channel, audience, recipient, address, subject, "  \
    "body, notes, person, gives, next_at, state, planned_at, send_at, sent_at, attempts, reason"
#define CALL                                                                                       \
    "id, ticket, caller, purpose, cause, urgency, state, outcome, attempts, planned_at, call_at, " \
    "done_at"
#define STAFF                                                                                      \
    "staff, name, unit, department, roles, superior, deputy, email, webhook, locale, active"

const struct statement ticket_lock = {
    .kind = STATEMENT_LOCK,
    .row = &ticket_copy_row_shape,
    .by = "ticket",
    .whole = &ticket_copy_row_shape,
    .sql =
        "SELECT " TICKET " FROM ticket_copy WHERE ticket = ANY(:keys) ORDER BY ticket FOR UPDATE"};

const struct statement ticket_write = {
    .kind = STATEMENT_WRITE,
    .row = &ticket_copy_row_shape,
    .sql =
        "INSERT INTO ticket_copy (" TICKET ") SELECT " TICKET " FROM :rows "
        "ON CONFLICT (ticket) DO UPDATE SET kind = excluded.kind, topic = excluded.topic, "
        "class = excluded.class, state = excluded.state, org_unit = excluded.org_unit, "
        "project = excluded.project, department = excluded.department, owner = excluded.owner, "
        "handler = excluded.handler, label = excluded.label, locale = excluded.locale, "
        "important = excluded.important, reachable = excluded.reachable, round = excluded.round, "
        "received_at = excluded.received_at, promised_at = excluded.promised_at"};

const struct statement message_lock = {
    .kind = STATEMENT_LOCK,
    .row = &message_row_shape,
    .by = "id",
    .sql = "SELECT " MESSAGE " FROM message WHERE id = ANY(:keys) ORDER BY id FOR UPDATE"};

const struct statement message_keys = {
    .kind = STATEMENT_READ,
    .row = &message_key_row_shape,
    .by = "ticket",
    .whole = &message_row_shape,
    .sql = "SELECT id, ticket, key FROM message WHERE ticket = ANY(:keys) AND key IS NOT NULL"};

/* For lists by state: what needs a look is rare. From planned to sent, the way of most, no index
   changes. */
#define NOTED "CASE WHEN rows.state NOT IN ('planned', 'sent') THEN rows.state END"

const struct statement message_insert = {
    .kind = STATEMENT_WRITE,
    .row = &message_row_shape,
    .sql = "INSERT INTO message (" MESSAGE ", noted) SELECT " MESSAGE ", " NOTED " FROM :rows"};

const struct statement message_update = {
    .kind = STATEMENT_WRITE,
    .row = &message_row_shape,
    .sql = "UPDATE message SET state = rows.state, noted = " NOTED
           ", channel = rows.channel, send_at = rows.send_at, "
           "sent_at = rows.sent_at, attempts = rows.attempts, reason = rows.reason "
           "FROM :rows WHERE message.id = rows.id"};

const struct statement message_page_read = {
    .kind = STATEMENT_READ,
    .row = &message_row_shape,
    .sql = "SELECT " MESSAGE " FROM message WHERE (:ticket IS NULL OR ticket = :ticket) "
           "AND (:state IS NULL OR state = :state) AND (:before IS NULL OR id < :before) "
           "AND (:state IS NULL OR :state IN ('planned', 'sent') OR noted = :state) "
           "ORDER BY id DESC LIMIT least(coalesce(:limit, 50), 1000)"};

const struct statement call_lock = {
    .kind = STATEMENT_LOCK,
    .row = &call_row_shape,
    .by = "id",
    .sql = "SELECT " CALL " FROM call WHERE id = ANY(:keys) ORDER BY id FOR UPDATE"};

const struct statement call_write = {
    .kind = STATEMENT_WRITE,
    .row = &call_row_shape,
    .sql = "INSERT INTO call (" CALL ") SELECT " CALL " FROM :rows "
           "ON CONFLICT (id) DO UPDATE SET urgency = excluded.urgency, state = excluded.state, "
           "outcome = excluded.outcome, attempts = excluded.attempts, call_at = excluded.call_at, "
           "done_at = excluded.done_at"};

const struct statement call_page_read = {
    .kind = STATEMENT_READ,
    .row = &call_row_shape,
    .sql =
        "SELECT " CALL " FROM call WHERE (:ticket IS NULL OR ticket = :ticket) "
        "AND (:caller IS NULL OR caller = :caller) AND (:state IS NULL OR state = :state) "
        "AND (:before IS NULL OR id < :before) ORDER BY id DESC LIMIT least(coalesce(:limit, 50),"
        " 1000)"};

const struct statement staff_write = {
    .kind = STATEMENT_WRITE,
    .row = &staff_row_shape,
    .sql =
        "INSERT INTO staff (" STAFF ") SELECT " STAFF " FROM :rows "
        "ON CONFLICT (staff) DO UPDATE SET name = excluded.name, unit = excluded.unit, "
        "department = excluded.department, roles = excluded.roles, superior = excluded.superior, "
        "deputy = excluded.deputy, email = excluded.email, webhook = excluded.webhook, "
        "locale = excluded.locale, active = excluded.active"};

const struct statement duty_write = {
    .kind = STATEMENT_WRITE,
    .row = &duty_row_shape,
    .sql = "INSERT INTO duty (staff, on_duty) SELECT staff, on_duty FROM :rows "
           "ON CONFLICT (staff) DO UPDATE SET on_duty = excluded.on_duty"};

const struct statement unit_write = {
    .kind = STATEMENT_WRITE,
    .row = &unit_row_shape,
    .sql = "INSERT INTO unit (unit, parent, type) SELECT unit, parent, type FROM :rows "
           "ON CONFLICT (unit) DO UPDATE SET parent = excluded.parent, type = excluded.type"};

const struct statement unit_read = {.kind = STATEMENT_READ,
                                    .row = &unit_row_shape,
                                    .may_be_old = true,
                                    .sql = "SELECT unit, parent, type FROM unit"};

const struct statement person_read = {
    .kind = STATEMENT_READ,
    .row = &person_row_shape,
    .may_be_old = true,
    .sql = "SELECT s.staff, s.name, s.unit, s.department, s.roles, s.deputy, s.email, s.webhook, "
           "s.locale, s.active, coalesce(d.on_duty, false) AS on_duty "
           "FROM staff s LEFT JOIN duty d ON d.staff = s.staff ORDER BY s.staff"};

const struct statement *const notification_store[] = {
    &ticket_lock, &message_lock, &call_lock,      &message_keys,      &unit_read,
    &person_read, &ticket_write, &message_insert, &message_update,    &call_write,
    &staff_write, &duty_write,   &unit_write,     &message_page_read, &call_page_read,
};
const size_t notification_store_n = COUNT(notification_store);
