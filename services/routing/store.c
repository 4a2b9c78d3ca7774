#include "store.h"

#define TICKET_COLUMNS                                                                             \
    "id, contact, kind, state, policy, priority, topic, class, channel, org_unit, project,"        \
    " department, owner, "                                                                         \
    "handler, assignees, queue, wish, round, refusals, attempts, flags, took, held, moves,"        \
    " received_at, promised_at, "                                                                  \
    "customer, label, locale, important, answered, deferred, reachable, repeat_of, linked, exit,"  \
    " closed_at"

const struct statement ticket_lock = {
    .kind = STATEMENT_LOCK,
    .row = &ticket_row_shape,
    .by = "id",
    .sql = "SELECT " TICKET_COLUMNS " FROM ticket WHERE id = ANY(:keys) ORDER BY id FOR UPDATE"};

const struct statement ticket_read = {.kind = STATEMENT_READ,
                                      .row = &ticket_row_shape,
                                      .by = "id",
                                      .sql = "SELECT " TICKET_COLUMNS
                                             " FROM ticket WHERE id = ANY(:keys)"};

const struct statement ticket_insert = {.kind = STATEMENT_WRITE,
                                        .row = &ticket_row_shape,
                                        .sql = "INSERT INTO ticket (" TICKET_COLUMNS
                                               ") SELECT " TICKET_COLUMNS " FROM :rows"};

const struct statement ticket_update = {
    .kind = STATEMENT_WRITE,
    .row = &ticket_row_shape,
    .sql = "UPDATE ticket SET state = rows.state, priority = rows.priority, class = rows.class, "
           "department = rows.department, owner = rows.owner, handler = rows.handler,"
           " assignees = rows.assignees, "
           "queue = rows.queue, wish = rows.wish, round = rows.round, refusals = rows.refusals, "
           "attempts = rows.attempts, flags = rows.flags, took = rows.took, held = rows.held,"
           " moves = rows.moves, "
           "promised_at = rows.promised_at, linked = rows.linked, exit = rows.exit,"
           " closed_at = rows.closed_at "
           "FROM :rows WHERE ticket.id = rows.id"};

const struct statement move_insert = {
    .kind = STATEMENT_WRITE,
    .row = &move_row_shape,
    .sql = "INSERT INTO move (ticket, n, step, action, before, after, actor, handler, round, at,"
           " fields) "
           "SELECT ticket, n, step, action, before, after, actor, handler, round, at, fields"
           " FROM :rows"};

const struct statement move_read = {
    .kind = STATEMENT_READ,
    .row = &move_row_shape,
    .by = "ticket",
    .sql = "SELECT ticket, n, step, action, before, after, actor, handler, round, at, fields"
           " FROM move "
           "WHERE ticket = ANY(:keys) ORDER BY ticket, n"};

const struct statement note_insert = {
    .kind = STATEMENT_WRITE,
    .row = &note_row_shape,
    .sql = "INSERT INTO note (ticket, note, name) SELECT ticket, note, name FROM :rows ON CONFLICT"
           " DO NOTHING"};

const struct statement note_read = {
    .kind = STATEMENT_READ,
    .row = &note_row_shape,
    .by = "ticket",
    .sql = "SELECT ticket, note, name FROM note WHERE ticket = ANY(:keys)"};

const struct statement waiting_read = {
    .kind = STATEMENT_READ,
    .row = &waiting_row_shape,
    .sql =
        "SELECT w.ticket, w.wish, w.queue, w.line, w.priority, w.arrived, w.barred, w.reason, "
        "t.id IS NULL OR t.queue IS NULL OR t.wish <> w.wish AS stale "
        "FROM queue_line l CROSS JOIN LATERAL (SELECT ticket, wish, queue, line, priority, arrived,"
        " barred, reason "
        "FROM waiting WHERE waiting.queue = l.queue AND waiting.line = l.line "
        "ORDER BY priority, arrived, ticket LIMIT 200) w LEFT JOIN ticket t ON t.id = w.ticket "
        "ORDER BY w.priority, w.arrived, w.ticket"};

const struct statement waiting_unsaid = {
    .kind = STATEMENT_READ,
    .row = &waiting_row_shape,
    .sql = "SELECT ticket, wish, queue, line, priority, arrived, barred, reason, false AS stale"
           " FROM waiting "
           "WHERE reason IS NULL ORDER BY ticket LIMIT 500"};

const struct statement wanting_read = {
    .kind = STATEMENT_READ,
    .row = &wanting_row_shape,
    .by = "id",
    .sql = "SELECT id, wish, queue FROM ticket WHERE id = ANY(:keys)"};

const struct statement waiting_insert = {
    .kind = STATEMENT_WRITE,
    .row = &waiting_row_shape,
    .sql = "INSERT INTO waiting (ticket, wish, queue, line, priority, arrived, barred, reason) "
           "SELECT ticket, wish, queue, line, priority, arrived, barred, reason FROM :rows"};

const struct statement waiting_delete = {
    .kind = STATEMENT_WRITE,
    .row = &waiting_row_shape,
    .sql = "DELETE FROM waiting USING :rows WHERE waiting.ticket = rows.ticket"
           " AND waiting.wish = rows.wish"};

const struct statement waiting_say = {
    .kind = STATEMENT_WRITE,
    .row = &waiting_row_shape,
    .sql = "UPDATE waiting SET reason = rows.reason FROM :rows "
           "WHERE waiting.ticket = rows.ticket AND waiting.wish = rows.wish"};

const struct statement queue_line_read = {.kind = STATEMENT_READ,
                                          .row = &queue_line_row_shape,
                                          .sql = "SELECT queue, line FROM queue_line"};

const struct statement queue_line_insert = {
    .kind = STATEMENT_WRITE,
    .row = &queue_line_row_shape,
    .sql = "INSERT INTO queue_line (queue, line) SELECT queue, line FROM :rows ON CONFLICT"
           " DO NOTHING"};

const struct statement unit_write = {
    .kind = STATEMENT_WRITE,
    .row = &unit_row_shape,
    .sql = "INSERT INTO unit (unit, parent, type) SELECT unit, parent, type FROM :rows "
           "ON CONFLICT (unit) DO UPDATE SET parent = excluded.parent, type = excluded.type"};

const struct statement unit_read = {
    .kind = STATEMENT_READ, .row = &unit_row_shape, .sql = "SELECT unit, parent, type FROM unit"};

const struct statement staff_write = {
    .kind = STATEMENT_WRITE,
    .row = &staff_row_shape,
    .sql =
        "INSERT INTO staff (staff, name, unit, department, roles, skills, superior, deputy,"
        " most_open, active) "
        "SELECT staff, name, unit, department, roles, skills, superior, deputy, most_open, active"
        " FROM :rows "
        "ON CONFLICT (staff) DO UPDATE SET name = excluded.name, unit = excluded.unit, "
        "department = excluded.department, roles = excluded.roles, skills = excluded.skills, "
        "superior = excluded.superior, deputy = excluded.deputy, most_open = excluded.most_open, "
        "active = excluded.active"};

const struct statement duty_write = {
    .kind = STATEMENT_WRITE,
    .row = &duty_row_shape,
    .sql =
        "INSERT INTO duty (staff, on_duty, roster, since) SELECT staff, on_duty, roster, since"
        " FROM :rows "
        "ON CONFLICT (staff) DO UPDATE SET on_duty = excluded.on_duty, roster = excluded.roster, "
        "since = excluded.since"};

const struct statement staff_load_insert = {
    .kind = STATEMENT_WRITE,
    .row = &staff_load_row_shape,
    .sql = "INSERT INTO staff_load (staff, taken, last_at) SELECT staff, taken, last_at FROM :rows "
           "WHERE NOT EXISTS (SELECT FROM staff_load AS l WHERE l.staff = rows.staff)"};

/* Without a lock: one lane writes them, and its position is the fence. */
const struct statement staff_load_write = {
    .kind = STATEMENT_WRITE,
    .row = &staff_load_row_shape,
    .sql =
        "WITH r AS MATERIALIZED (SELECT * FROM :rows), gone AS (DELETE FROM staff_load"
        " WHERE ctid = ANY(ARRAY("
        "SELECT (SELECT l.ctid FROM staff_load AS l WHERE l.staff = r.staff AND l.taken = r.before)"
        " FROM r))) "
        "INSERT INTO staff_load (staff, taken, last_at) SELECT staff, taken, last_at FROM r"};

const struct statement staff_tally_add = {
    .kind = STATEMENT_ADD,
    .row = &staff_tally_row_shape,
    .sql = "INSERT INTO staff_tally (staff, net, freed_at) SELECT staff, net, freed_at FROM :rows "
           "ON CONFLICT (staff) DO UPDATE SET net = staff_tally.net + excluded.net, "
           "freed_at = greatest(staff_tally.freed_at, excluded.freed_at)"};

#define PERSON                                                                                     \
    "s.staff, s.unit, s.department, s.roles, s.skills, s.superior, s.deputy, s.most_open,"         \
    " s.active, "                                                                                  \
    "coalesce(d.on_duty, false) AS on_duty, d.roster, d.since"
#define PEOPLE "FROM staff s LEFT JOIN duty d ON d.staff = s.staff "

const struct statement person_read = {
    .kind = STATEMENT_READ,
    .row = &person_row_shape,
    .sql = "SELECT " PERSON ", 0::bigint AS taken, 0::bigint AS net " PEOPLE "ORDER BY s.staff"};

/* The newest load is found first. */
static const char candidates_sql[] =
    "SELECT " PERSON
    ", coalesce(l.taken, 0) AS taken, coalesce(t.net, 0) AS net, l.last_at, t.freed_at " PEOPLE
    "LEFT JOIN LATERAL (SELECT taken, last_at FROM staff_load WHERE staff_load.staff = s.staff "
    "ORDER BY taken DESC LIMIT 1) l ON true LEFT JOIN staff_tally t ON t.staff = s.staff"
    " ORDER BY s.staff";

const struct statement candidate_read = {
    .kind = STATEMENT_READ, .row = &person_row_shape, .sql = candidates_sql};

/* The runtime compiles the statements of queries apart from those of other handlers. */
const struct statement candidate_page_read = {
    .kind = STATEMENT_READ, .row = &person_row_shape, .sql = candidates_sql};

const struct statement ticket_page_read = {
    .kind = STATEMENT_READ,
    .row = &ticket_row_shape,
    .sql =
        "SELECT " TICKET_COLUMNS " FROM ticket WHERE (:kind IS NULL OR kind = :kind) "
        "AND (:state IS NULL OR state = :state) AND (:handler IS NULL OR handler = :handler) "
        "AND (:open IS NULL OR (closed_at IS NULL) = :open) AND (:before IS NULL OR id < :before) "
        "ORDER BY id DESC LIMIT least(coalesce(:limit, 50), 1000)"};

const struct statement *const routing_store[] = {
    &ticket_lock,       &ticket_read,         &ticket_insert, &ticket_update,   &move_insert,
    &move_read,         &note_insert,         &note_read,     &queue_line_read, &queue_line_insert,
    &waiting_read,      &waiting_unsaid,      &wanting_read,  &waiting_insert,  &waiting_delete,
    &waiting_say,       &unit_write,          &unit_read,     &staff_write,     &duty_write,
    &staff_load_insert, &staff_load_write,    &person_read,   &candidate_read,  &staff_tally_add,
    &ticket_page_read,  &candidate_page_read,
};
const size_t routing_store_n = COUNT(routing_store);
