/*
 * What must hold, as a table. To add a check, add a row. Beside the tables of the services' schemas
 * a check may use:
 *
 *   hears (service, source, type)
 *       which service hears what; a test compares it with the handlers
 *   held (service, partition, n, seqs, expires_at, last)
 *       positions
 *   reads (service, source, partition, seq)
 *       how far each service has handled what it hears
 *   said (service, partition, seq, place, at, type, key, cause, ticket, body)
 *       all journals; body is JSON
 *   answered (reply, body)
 *       what publishers of contacts were answered, as far as it is kept
 *   opened (ticket), started (ticket, origin)
 *       tickets that must be known everywhere; origin: the one it goes on from
 *   excused (key)
 *       what a dead letter, or one parked behind it, speaks of: shown by I7 alone
 */
#include "audit_checks.h"

#include "net/services.h"

/* A(service) for each deployed service. */
#define EACH(A) SERVICES_EACH(A, " UNION ALL ")

/* --- what the checks stand on --- */

#define POSITIONS(s)                                                                               \
    "SELECT '" s "' AS service, partition, n, seqs, expires_at,"                                   \
    " n = max(n) OVER (PARTITION BY partition) AS last FROM " s ".position"

#define SEQ_OF(seqs, source)                                                                       \
    "coalesce(substring(" seqs " FROM '(?:^| )' || " source " || '=([0-9]+)')::bigint, 0)"

const char *const audit_outline[] = {
    "CREATE TEMPORARY TABLE hears ON COMMIT DROP AS SELECT * FROM (VALUES"
    " ('intake', 'routing', 'ticket.started'), ('intake', 'routing', 'ticket.moved'),"
    " ('routing', 'intake', 'ticket.opened'), ('routing', 'intake', 'note.added'),"
    " ('routing', 'workforce', 'staff.changed'), ('routing', 'workforce', 'duty.changed'),"
    " ('routing', 'workforce', 'unit.changed'), ('routing', 'notification', 'call.outcome'),"
    " ('routing', 'routing', 'dispatch.due'), ('routing', 'routing', 'assignment.made'),"
    " ('escalation', 'routing', 'ticket.started'), ('escalation', 'routing', 'ticket.moved'),"
    " ('escalation', 'routing', 'ticket.assigned'), ('escalation', 'notification',"
    " 'reply.delivered'), ('notification', 'routing', 'ticket.started'),"
    " ('notification', 'routing', 'ticket.moved'), ('notification', 'routing', 'ticket.assigned'),"
    " ('notification', 'routing', 'ticket.queued'), ('notification', 'escalation', 'clock.level'),"
    " ('notification', 'escalation', 'breach.withdrawn'),"
    " ('notification', 'workforce', 'staff.changed'),"
    " ('notification', 'workforce', 'duty.changed'), ('notification', 'workforce', 'unit.changed'),"
    " ('reporting', 'intake', 'ticket.opened'), ('reporting', 'intake', 'ticket.followed_up'),"
    " ('reporting', 'routing', 'ticket.started'), ('reporting', 'routing', 'ticket.moved'),"
    " ('reporting', 'routing', 'ticket.assigned'), ('reporting', 'routing', 'ticket.queued'),"
    " ('reporting', 'escalation', 'clock.started'), ('reporting', 'escalation', 'clock.paused'),"
    " ('reporting', 'escalation', 'clock.redated'), ('reporting', 'escalation', 'clock.breached'),"
    " ('reporting', 'escalation', 'breach.withdrawn'),"
    " ('reporting', 'escalation', 'clock.stopped'), ('reporting', 'notification',"
    " 'message.planned'), ('reporting', 'notification', 'message.sent'),"
    " ('reporting', 'notification', 'message.failed'),"
    " ('reporting', 'notification', 'reply.delivered'),"
    " ('reporting', 'workforce', 'staff.changed'), ('reporting', 'workforce', 'duty.changed'),"
    " ('reporting', 'reporting', 'feed.due')) AS h(service, source, type)",

    "CREATE TEMPORARY TABLE held ON COMMIT DROP AS " EACH(POSITIONS),

    "CREATE TEMPORARY TABLE reads ON COMMIT DROP AS SELECT h.service, h.source, p.partition,"
    " coalesce((SELECT " SEQ_OF(
        "held.seqs", "h.source") " FROM held WHERE held.last AND held.service = h.service"
                                 " AND held.partition = p.partition), 0) AS seq"
                                 " FROM (SELECT DISTINCT service, source FROM hears) AS h"
                                 " CROSS JOIN generate_series(0, 31) AS p(partition)",
};
const size_t audit_outline_n = COUNT(audit_outline);

#define DEAD_KEYS(s) "SELECT key FROM " s ".dead_letter"

/* The first is made before journals and replies are loaded, the others after. */
const char *const audit_detail[] = {
    "CREATE TEMPORARY TABLE said (service text, partition int, seq bigint, type text, version int,"
    " place text COLLATE \"C\", at timestamptz, key text, cause text COLLATE \"C\", body jsonb,"
    " ticket bigint GENERATED ALWAYS AS ((body->>'ticket')::bigint) STORED)"
    " ON COMMIT DROP; CREATE TEMPORARY TABLE answered (reply text, body jsonb) ON COMMIT DROP",

    "CREATE INDEX ON said (place); CREATE INDEX ON said (type, ticket); ANALYZE said",

    "CREATE TEMPORARY TABLE opened ON COMMIT DROP AS SELECT DISTINCT ticket FROM said"
    " WHERE type = 'ticket.opened';"
    " CREATE TEMPORARY TABLE started ON COMMIT DROP AS SELECT ticket,"
    " min((body->>'linked')::bigint) AS origin FROM said"
    " WHERE type = 'ticket.started' GROUP BY ticket;"
    " CREATE TEMPORARY TABLE excused ON COMMIT DROP AS " EACH(
        DEAD_KEYS) "; ANALYZE opened; ANALYZE started; ANALYZE excused",
};
const size_t audit_detail_n = COUNT(audit_detail);

/* --- what is judged --- */

/* Topics that are counters: the others are KPIs. */
#define COUNTER "topic NOT LIKE 'kpi/%'"

#define SHOWN(n) "to_char((" n "), 'FM999,999,999,990')"

#define MEMBERS(s) "SELECT instance FROM " s ".member"
#define EACH_MEMBER "SELECT count(*) FROM (" EACH(MEMBERS) ") AS each_one"

const struct audit_invariant audit_invariants[] = {
    {"I1", "nothing that was answered is lost",
     "SELECT " SHOWN("SELECT count(*) FROM intake.contact") " || ' contacts, ' || " SHOWN(
         "SELECT count(*) FROM opened") " || ' tickets'"},
    {"I2", "nothing happened without a cause",
     "SELECT " SHOWN("SELECT count(*) FROM said") " || ' events'"},
    {"I3", "everything took effect once",
     "SELECT " SHOWN("SELECT count(*) FROM said") " || ' events, ' || " SHOWN(
         "SELECT count(*) FROM notification.message") " || ' messages'"},
    {"I4", "what happened to a ticket is in order",
     "SELECT " SHOWN("SELECT count(*) FROM routing.move") " || ' steps'"},
    {"I5", "positions, copies and counters tell the truth",
     "SELECT " SHOWN("SELECT count(*) FROM reads") " || ' positions, ' || " SHOWN(
         "SELECT count(*) FROM reporting.topic WHERE " COUNTER) " || ' counters'"},
    {"I6", "what is kept for a while does not pile up",
     "SELECT " SHOWN("SELECT count(*) FROM held") " || ' rows of positions'"},
    {"I7", "nothing is left undone",
     "SELECT " SHOWN("SELECT count(*) FROM excused") " || ' letters set aside'"},
    {"I8", "what was not answered did not happen",
     "SELECT " SHOWN("SELECT count(*) FROM said WHERE cause LIKE 'command/%'") " || ' events'"},
    {"I10", "the feed has no gap, and says what is counted",
     "SELECT " SHOWN("SELECT count(*) FROM reporting.feed") " || ' entries'"},
    {"I11", "every clock rings when it must, once, and never early",
     "SELECT " SHOWN("SELECT count(*) FROM escalation.clock") " || ' clocks'"},
    {"I12", "who stopped as told holds nothing", "SELECT " SHOWN(EACH_MEMBER) " || ' replicas'"},
};
const size_t audit_invariants_n = COUNT(audit_invariants);

/* --- I7 --- */

#define BEHIND(s)                                                                                  \
    "SELECT j.seq, j.type, j.key FROM " s ".journal AS j"                                          \
    " WHERE r.source = '" s "' AND j.partition = r.partition AND j.seq > r.seq"

#define RUNNING(s) "SELECT '" s ": ' || name || ' ' || key FROM " s ".alarm WHERE running"

/* On the real clock a service that was stopped has not missed anything since then. */
#define OVERDUE(s)                                                                                 \
    "SELECT '" s ": ' || name || ' ' || key || ', due at ' || due_at FROM " s                      \
    ".alarm WHERE NOT running AND due_at <="                                                       \
    " coalesce((SELECT at FROM " s ".test_clock),"                                                 \
    " least(clock_timestamp(), (SELECT max(expires_at) FROM " s ".position)) - interval '5 s')"

/* Replies are kept for three days: then nothing can be said. */
#define UNANSWERED(s)                                                                              \
    "SELECT place || ' ' || type || ' follows from ' || cause FROM said WHERE service = '" s       \
    "' AND cause LIKE 'command/%' AND substr(cause, 9) NOT IN (SELECT id FROM " s ".reply)"        \
    " AND (SELECT min(at) FROM " s ".reply) > clock_timestamp() - interval '2 days'"

#define LEFT_BEHIND(s)                                                                             \
    "SELECT '" s ": ' || m.instance || ' holds partition ' || p.partition FROM " s ".member AS m"  \
    " JOIN (SELECT DISTINCT ON (partition) partition, owner, expires_at FROM " s ".position"       \
    " ORDER BY partition, n DESC) AS p ON split_part(p.owner, '#', 1) = m.instance"                \
    " WHERE m.clean AND p.expires_at > clock_timestamp()"

#define CLOCKS(s) "SELECT '" s "' AS service, (SELECT at FROM " s ".test_clock) AS at"

#define LETTERS(s)                                                                                 \
    "SELECT '" s                                                                                   \
    ": ' || state || ' ' || source || '/' || partition || '/' || seq || ' ' || type || '"          \
    " ' || key || ': ' || reason FROM " s ".dead_letter"

/* --- I2, I11 --- */

#define ALARM_CAUSE(s)                                                                             \
    "SELECT '" s ": alarm ' || name || ' ' || key || ' follows from ' || cause FROM " s ".alarm"   \
    " WHERE cause !~ '^(command|alarm)/.' AND NOT EXISTS (SELECT FROM said"                        \
    " WHERE place = alarm.cause COLLATE \"C\")"

/* A copy that another service keeps of a ticket, held against routing's own row. */
#define COPY_OF_TICKET(table, differs)                                                             \
    "SELECT 'ticket ' || t.id || ' is ' || t.state || ', handler ' || coalesce(t.handler,"         \
    " 'none') || ', round ' || t.round || '; copy: ' || coalesce(c.state, 'none') || ',"           \
    " ' || coalesce(c.handler, 'none') || ', ' || coalesce(c.round, 0)"                            \
    " FROM routing.ticket AS t JOIN " table                                                        \
    " AS c ON c.ticket = t.id WHERE (c.state IS DISTINCT FROM t.state"                             \
    " OR c.handler IS DISTINCT FROM t.handler OR c.round IS DISTINCT FROM t.round" differs ")"     \
    " AND t.id::text NOT IN (SELECT key FROM excused)"

#define MISSING_COPY(tickets, table, id)                                                           \
    "SELECT 'ticket ' || k.ticket FROM " tickets " AS k WHERE NOT EXISTS (SELECT FROM " table      \
    " AS c WHERE c." id " = k.ticket)"                                                             \
    " AND k.ticket::text NOT IN (SELECT key FROM excused)"

#define UNFOUNDED(table, id)                                                                       \
    "SELECT 'ticket ' || c." id " FROM " table                                                     \
    " AS c WHERE NOT EXISTS (SELECT FROM started AS k WHERE k.ticket = c." id ")"

#define SAID_TWICE(type_name, field)                                                               \
    "SELECT '" field " ' || (body->>'" field                                                       \
    "') || ': ' || count(*) || ' times, at ' || string_agg(place, ' ' ORDER BY place)"             \
    " FROM said WHERE type = '" type_name "' GROUP BY body->>'" field "' HAVING count(*) > 1"

/* reporting's counters as its facts say they must be (facts.c). */
#define EXPECTED_COUNTS                                                                            \
    "SELECT topic, count(*) AS n FROM ("                                                           \
    "SELECT 'tickets/' || kind || '/' || state AS topic FROM reporting.ticket_fact"                \
    " WHERE kind IS NOT NULL"                                                                      \
    " UNION ALL SELECT 'exits/' || exit || '/' || coalesce(reason, 'none')"                        \
    " FROM reporting.ticket_fact WHERE exit IS NOT NULL"                                           \
    " UNION ALL SELECT 'tickets/open' FROM reporting.ticket_fact WHERE kind IS NOT NULL"           \
    " AND closed_at IS NULL"                                                                       \
    " UNION ALL SELECT 'tickets/department/' || coalesce(department, 'none') || '/open'"           \
    " FROM reporting.ticket_fact"                                                                  \
    " WHERE kind IS NOT NULL AND closed_at IS NULL"                                                \
    " UNION ALL SELECT 'held/' || handler FROM reporting.ticket_fact"                              \
    " WHERE kind IS NOT NULL AND closed_at IS NULL AND handler IS NOT NULL"                        \
    " UNION ALL SELECT 'waiting/' || queue FROM reporting.ticket_fact"                             \
    " WHERE kind IS NOT NULL AND closed_at IS NULL AND handler IS NULL AND queue IS NOT NULL"      \
    " UNION ALL SELECT 'clocks/' || name || '/' || verdict FROM reporting.clock_fact"              \
    " UNION ALL SELECT 'messages/' || state FROM reporting.message_fact"                           \
    " UNION ALL SELECT 'messages/held_till_allowed' FROM said WHERE type = 'message.planned'"      \
    " AND (body->>'held')::boolean"                                                                \
    " UNION ALL SELECT 'staff/active' FROM reporting.staff_fact WHERE active"                      \
    " UNION ALL SELECT 'staff/on_duty' FROM reporting.staff_fact WHERE on_duty) AS stands"         \
    " GROUP BY topic"

/* When an event may have been said at the earliest: its service's time, or that of the service it
   heard it from. */
#define NOT_BEFORE "greatest(s.at, (SELECT c.at FROM said AS c WHERE c.place = s.cause))"

const struct audit_check audit_checks[] = {
    {"I1", "contact_tickets", "a ticket of a contact was never opened",
     "SELECT 'contact ' || c.id || ', ticket ' || t FROM intake.contact AS c"
     " CROSS JOIN unnest(string_to_array(c.tickets, ',')) AS t"
     " WHERE t::bigint NOT IN (SELECT ticket FROM opened) OR NOT EXISTS (SELECT"
     " FROM intake.ticket AS k WHERE k.id = t::bigint)",
     false},
    {"I1", "answered_tickets", "a publisher was told a ticket that was never opened",
     "SELECT 'reply ' || a.reply || ', ticket ' || t FROM answered AS a"
     " CROSS JOIN jsonb_array_elements_text(a.body->'tickets') AS t"
     " WHERE t::bigint NOT IN (SELECT ticket FROM opened)",
     false},
    {"I1", "answered_contacts", "a publisher was told a contact that is not there",
     "SELECT 'reply ' || a.reply || ', contact ' || (a.body->>'contact') FROM answered AS a"
     " WHERE a.body->'tickets' IS NOT NULL"
     " AND NOT EXISTS (SELECT FROM intake.contact AS c WHERE c.id = (a.body->>'contact')::bigint)",
     false},
    {"I1", "stored_tickets", "a ticket that intake holds was never opened, nor started by routing",
     "SELECT 'ticket ' || k.id FROM intake.ticket AS k WHERE k.id NOT IN (SELECT ticket"
     " FROM opened)"
     " AND k.id NOT IN (SELECT ticket FROM started WHERE ticket IS NOT NULL)",
     false},
    {"I1", "reached_routing", "routing does not know an opened ticket",
     MISSING_COPY("opened", "routing.ticket", "id"), false},
    {"I1", "reached_flow", "an opened ticket was never started",
     MISSING_COPY("opened", "started", "ticket"), false},
    {"I1", "reached_escalation", "escalation does not know a started ticket",
     MISSING_COPY("started", "escalation.ticket_copy", "ticket"), false},
    {"I1", "reached_notification", "notification does not know a started ticket",
     MISSING_COPY("started", "notification.ticket_copy", "ticket"), false},
    {"I1", "reached_reporting", "reporting does not know an opened ticket",
     MISSING_COPY("opened", "reporting.ticket_fact", "ticket"), false},
    {"I1", "reached_reporting_later", "reporting does not know a started ticket",
     MISSING_COPY("started", "reporting.ticket_fact", "ticket"), false},
    {"I1", "counted_contacts", "reporting does not know a contact",
     "SELECT 'contact ' || c.id FROM intake.contact AS c WHERE NOT EXISTS (SELECT"
     " FROM reporting.contact_fact AS f WHERE f.contact = c.id)"
     " AND NOT EXISTS (SELECT FROM excused WHERE key = ANY(string_to_array(c.tickets, ',')))",
     false},
    {"I1", "notes", "routing does not know words that were recorded",
     "SELECT 'note ' || n.id || ' of ticket ' || n.ticket FROM intake.note AS n"
     " WHERE n.source IS NULL"
     " AND NOT EXISTS (SELECT FROM routing.note AS r WHERE r.ticket = n.ticket AND r.note = n.id)"
     " AND n.ticket::text NOT IN (SELECT key FROM excused)",
     false},
    {"I1", "replies", "escalation does not know a reply that was delivered",
     "SELECT s.place || ', ticket ' || s.ticket FROM said AS s WHERE s.type = 'reply.delivered'"
     " AND NOT EXISTS (SELECT FROM"
     " escalation.customer_reply AS r WHERE r.ticket = s.ticket AND r.at = s.at"
     " AND r.person = s.body->>'person')"
     " AND s.key NOT IN (SELECT key FROM excused)",
     false},
    {"I1", "planned_messages", "a message that was planned is gone",
     "SELECT s.place || ', message ' || (s.body->>'message') FROM said AS s"
     " WHERE s.type IN ('message.planned', 'message.sent')"
     " AND NOT EXISTS (SELECT FROM notification.message AS m"
     " WHERE m.id = (s.body->>'message')::bigint)",
     false},
    {"I1", "started_clocks", "a clock that was started is gone",
     "SELECT s.place || ', clock ' || (s.body->>'clock') FROM said AS s"
     " WHERE s.type = 'clock.started'"
     " AND NOT EXISTS (SELECT FROM escalation.clock AS c WHERE c.id = (s.body->>'clock')::bigint)",
     false},
    {"I1", "told_staff", "workforce stored a person and told nobody",
     "SELECT staff FROM workforce.staff AS w WHERE NOT EXISTS (SELECT FROM said AS s"
     " WHERE s.type = 'staff.changed' AND s.key = w.staff)",
     false},
    {"I1", "readable", "an event cannot be read",
     "SELECT place || ' ' || type FROM said WHERE body IS NULL", false},

    {"I2", "causes", "an event follows from one that is not there",
     "SELECT s.place || ' ' || s.type || ' follows from ' || s.cause FROM said AS s"
     " WHERE s.cause !~ '^(command|alarm)/.'"
     " AND NOT EXISTS (SELECT FROM said AS c WHERE c.place = s.cause)",
     false},
    {"I2", "alarm_causes", "an alarm follows from an event that is not there", EACH(ALARM_CAUSE),
     false},
    {"I2", "heard_causes", "an event follows from one that its service does not hear",
     "SELECT s.place || ' ' || s.type || ' follows from ' || c.place || ' ' || c.type"
     " FROM said AS s JOIN said AS c ON c.place = s.cause"
     " WHERE NOT EXISTS (SELECT FROM hears AS h WHERE h.service = s.service"
     " AND h.source = c.service AND h.type = c.type)",
     false},
    {"I2", "before", "an event was said before the one it follows from",
     "SELECT s.place || ' ' || s.type || ' follows from ' || s.cause FROM said AS s JOIN said AS c"
     " ON c.place = s.cause"
     " WHERE c.service = s.service AND c.seq >= s.seq",
     false},
    {"I2", "opened", "an opened ticket stands in no contact",
     "SELECT s.place || ', ticket ' || s.ticket FROM said AS s WHERE s.type = 'ticket.opened'"
     " AND NOT EXISTS (SELECT FROM intake.ticket"
     " AS k JOIN intake.contact AS c ON c.id = k.contact WHERE k.id = s.ticket"
     " AND s.ticket::text = ANY(string_to_array(c.tickets, ',')))",
     false},
    {"I2", "started", "a ticket was started that nobody opened and that goes on from none",
     "SELECT 'ticket ' || s.ticket FROM started AS s WHERE s.ticket NOT IN (SELECT ticket"
     " FROM opened)"
     " AND NOT EXISTS (SELECT FROM routing.ticket AS o WHERE o.id = s.origin"
     " AND o.linked = s.ticket)",
     false},
    {"I2", "routing_tickets", "routing holds a ticket that it never started",
     UNFOUNDED("routing.ticket", "id"), false},
    {"I2", "escalation_tickets", "escalation holds a ticket that was never started",
     UNFOUNDED("escalation.ticket_copy", "ticket"), false},
    {"I2", "notification_tickets", "notification holds a ticket that was never started",
     UNFOUNDED("notification.ticket_copy", "ticket"), false},
    {"I2", "reporting_tickets", "reporting holds a ticket that was never opened or started",
     UNFOUNDED("reporting.ticket_fact",
               "ticket") " AND c.kind IS NOT NULL AND c.ticket NOT IN (SELECT ticket FROM opened)",
     false},
    {"I2", "reporting_contacts", "reporting counts a contact that is not there",
     "SELECT 'contact ' || f.contact FROM reporting.contact_fact AS f WHERE NOT EXISTS (SELECT"
     " FROM intake.contact AS c"
     " WHERE c.id = f.contact) AND NOT EXISTS (SELECT FROM intake.note AS n"
     " WHERE n.id = f.contact)",
     false},
    {"I2", "clocks", "a clock runs that was never started",
     "SELECT 'clock ' || c.id || ' ' || c.name FROM escalation.clock AS c WHERE NOT EXISTS (SELECT"
     " FROM said AS s"
     " WHERE s.type = 'clock.started' AND s.ticket = c.ticket AND s.body->>'clock' = c.id::text)",
     false},
    {"I2", "replies", "escalation holds a reply that was never delivered",
     "SELECT 'ticket ' || r.ticket || ' at ' || r.at FROM escalation.customer_reply AS r"
     " WHERE NOT EXISTS (SELECT FROM said AS s"
     " WHERE s.type = 'reply.delivered' AND s.ticket = r.ticket AND s.at = r.at)",
     false},
    {"I2", "messages", "a message stands there that was never planned",
     "SELECT 'message ' || m.id || ' ' || m.template || ' ' || m.state"
     " FROM notification.message AS m WHERE m.state <> 'suppressed'"
     " AND NOT EXISTS (SELECT FROM said AS s WHERE s.type IN ('message.planned', 'message.failed')"
     " AND s.ticket = m.ticket"
     " AND s.body->>'message' = m.id::text)",
     false},
    {"I2", "moves", "a step was recorded for a ticket that routing does not hold",
     "SELECT 'ticket ' || m.ticket || ' step ' || m.n FROM routing.move AS m"
     " WHERE NOT EXISTS (SELECT FROM routing.ticket AS t"
     " WHERE t.id = m.ticket)",
     false},

    {"I3", "opened_once", "a ticket was opened twice", SAID_TWICE("ticket.opened", "ticket"),
     false},
    {"I3", "started_once", "a ticket was started twice", SAID_TWICE("ticket.started", "ticket"),
     false},
    {"I3", "clock_started_once", "a clock was started twice", SAID_TWICE("clock.started", "clock"),
     false},
    {"I3", "planned_once", "a message was planned twice", SAID_TWICE("message.planned", "message"),
     false},
    {"I3", "sent_once", "a message was sent twice", SAID_TWICE("message.sent", "message"), false},
    {"I3", "said_once", "one cause had the same effect twice",
     "SELECT service || ' ' || type || ' ' || key || ' for ' || cause || ' at"
     " ' || string_agg(place, ' ' ORDER BY seq) FROM said"
     " WHERE cause NOT LIKE 'alarm/%' AND type NOT IN ('dispatch.due', 'feed.due')"
     " GROUP BY service, type, key, cause, body HAVING count(*) > 1",
     false},
    {"I3", "told_once", "a person was told the same twice",
     "SELECT template || ' to ' || recipient || ' for ' || cause || ': ' || string_agg(id::text,"
     " ' ' ORDER BY id) FROM notification.message"
     " WHERE state <> 'suppressed' GROUP BY template, recipient, cause HAVING count(*) > 1",
     false},
    {"I3", "sent_is_said", "a message is sent but that was not said, or the other way round",
     "SELECT 'message ' || m.id || ' is ' || m.state FROM notification.message AS m"
     " WHERE (m.state = 'sent') <> EXISTS (SELECT FROM said AS s"
     " WHERE s.type = 'message.sent' AND s.ticket = m.ticket AND s.body->>'message' = m.id::text)",
     false},
    {"I3", "steps", "the steps recorded of a ticket are not those that were said",
     "SELECT 'ticket ' || ticket || ': ' || recorded || ' recorded, ' || told || ' said'"
     " FROM (SELECT ticket, coalesce(m.n, 0) AS recorded,"
     " coalesce(s.n, 0) AS told FROM (SELECT ticket, count(*) AS n FROM routing.move"
     " WHERE step NOT IN ('opened', 'RTE-11') GROUP BY ticket)"
     " AS m FULL JOIN (SELECT ticket, sum(jsonb_array_length(body->'path')) AS n FROM said"
     " WHERE type = 'ticket.moved' GROUP BY ticket)"
     " AS s USING (ticket)) AS both_sides WHERE recorded <> told",
     false},

    {"I4", "moved_chain", "a ticket moved from a state that it was not in",
     "SELECT place || ', ticket ' || ticket || ': from ' || (body->>'from') || ' after"
     " ' || coalesce(was, 'nothing') FROM (SELECT place, ticket, type, body,"
     " lag(coalesce(body->>'to', body->>'state')) OVER (PARTITION BY ticket ORDER BY seq) AS was"
     " FROM said"
     " WHERE service = 'routing' AND type IN ('ticket.started', 'ticket.moved')) AS chain"
     " WHERE type = 'ticket.moved' AND body->>'from' IS DISTINCT FROM was",
     false},
    {"I4", "started_first", "something was said of a ticket before it was started",
     "SELECT place || ' ' || type || ', ticket ' || ticket FROM (SELECT place, type, ticket,"
     " row_number() OVER (PARTITION BY ticket"
     " ORDER BY seq) AS n FROM said WHERE service = 'routing'"
     " AND type IN ('ticket.started', 'ticket.moved', 'ticket.assigned',"
     " 'ticket.queued')) AS line WHERE (n = 1) <> (type = 'ticket.started')",
     false},
    {"I4", "rounds", "the round of a ticket fell",
     "SELECT place || ', ticket ' || ticket || ': ' || round || ' after ' || was"
     " FROM (SELECT place, ticket, (body->>'round')::int AS round,"
     " lag((body->>'round')::int) OVER (PARTITION BY ticket ORDER BY seq) AS was FROM said"
     " WHERE type = 'ticket.moved') AS line"
     " WHERE round < was",
     false},
    {"I4", "recorded_chain", "the steps recorded of a ticket do not follow each other",
     "SELECT 'ticket ' || ticket || ' step ' || n || ' ' || step || ': from ' || coalesce(before,"
     " 'nothing') || ' after ' || coalesce(was, 'nothing') FROM (SELECT ticket, n, step, before,"
     " lag(after) OVER each_one AS was, row_number() OVER each_one AS place, round,"
     " lag(round) OVER each_one AS round_was FROM routing.move WINDOW each_one AS (PARTITION BY"
     " ticket ORDER BY n)) AS chain"
     " WHERE before IS DISTINCT FROM was OR n <> place OR round < round_was",
     false},
    {"I4", "last_step", "a ticket is not where its last step led",
     "SELECT 'ticket ' || t.id || ' is ' || t.state || ' after ' || t.moves || ' steps; recorded:"
     " ' || coalesce(m.after, 'nothing') || ' after ' || coalesce(m.n, 0) FROM routing.ticket AS t"
     " LEFT JOIN LATERAL (SELECT n, after FROM routing.move WHERE ticket = t.id ORDER BY n DESC"
     " LIMIT 1) AS m ON true WHERE m.after IS DISTINCT FROM t.state"
     " OR m.n IS DISTINCT FROM t.moves",
     false},
    {"I4", "last_said", "a ticket is not where routing said that it is",
     "SELECT 'ticket ' || t.id || ' is ' || t.state || '; said: ' || coalesce(s.state, 'nothing')"
     " FROM routing.ticket AS t LEFT JOIN LATERAL"
     " (SELECT coalesce(body->>'to', body->>'state') AS state FROM said"
     " WHERE type IN ('ticket.started', 'ticket.moved') AND ticket = t.id"
     " ORDER BY seq DESC LIMIT 1) AS s ON true WHERE s.state IS DISTINCT FROM t.state",
     false},

    {"I5", "positions", "a service has read further than its source has written",
     "SELECT r.service || ' is at ' || r.source || '/' || r.partition || '/' || r.seq || ',"
     " the last is ' || coalesce(h.seq, 0) FROM reads AS r"
     " LEFT JOIN (SELECT service, partition, max(seq) AS seq FROM said"
     " GROUP BY service, partition) AS h ON h.service = r.source"
     " AND h.partition = r.partition WHERE r.seq > coalesce(h.seq, 0)",
     false},
    {"I5", "forward", "a position went back",
     "SELECT service || ' ' || source || '/' || partition || ': ' || seq || ' after ' || was"
     " FROM (SELECT p.service, h.source, p.partition,"
     " " SEQ_OF("p.seqs", "h.source") " AS seq, lag(" SEQ_OF(
         "p.seqs",
         "h.source") ") OVER (PARTITION BY p.service, h.source, p.partition"
                     " ORDER BY p.n) AS was FROM held AS p JOIN (SELECT DISTINCT service, source"
                     " FROM hears) AS h ON h.service = p.service) AS line"
                     " WHERE seq < was",
     false},
    {"I5", "escalation_copies", "escalation's copy of a ticket differs",
     COPY_OF_TICKET("escalation.ticket_copy", ""), false},
    {"I5", "notification_copies", "notification's copy of a ticket differs",
     COPY_OF_TICKET("notification.ticket_copy", ""), false},
    {"I5", "reporting_facts", "reporting's fact of a ticket differs",
     COPY_OF_TICKET(
         "reporting.ticket_fact",
         " OR c.closed_at IS DISTINCT FROM t.closed_at OR c.exit IS DISTINCT FROM t.exit"),
     false},
    {"I5", "clock_facts", "reporting's fact of a clock differs",
     "SELECT 'clock ' || id || ' is ' || coalesce(verdict, 'gone') || '; fact: ' || coalesce(fact,"
     " 'none') FROM (SELECT coalesce(c.id, f.clock) AS id, coalesce(c.ticket, f.ticket) AS ticket,"
     " coalesce(c.verdict, CASE WHEN c.breached THEN 'breached' WHEN c.id IS NOT NULL THEN"
     " 'running' END) AS verdict, f.verdict AS fact, c.due_at IS DISTINCT FROM"
     " f.due_at AS other_due FROM escalation.clock AS c"
     " FULL JOIN reporting.clock_fact AS f ON f.clock = c.id) AS pair"
     " WHERE (verdict IS DISTINCT FROM fact OR other_due)"
     " AND ticket::text NOT IN (SELECT key FROM excused)",
     false},
    {"I5", "message_facts", "reporting's fact of a message differs",
     "SELECT 'message ' || coalesce(m.id, f.message) || ' is ' || coalesce(m.state,"
     " 'gone') || '; fact: ' || coalesce(f.state, 'none') FROM (SELECT id, ticket,"
     " CASE state WHEN 'dead' THEN 'failed' ELSE state END AS state FROM notification.message"
     " WHERE state <> 'suppressed') AS m FULL JOIN reporting.message_fact AS f ON f.message = m.id"
     " WHERE m.state IS DISTINCT FROM f.state"
     " AND coalesce(m.ticket, f.ticket)::text NOT IN (SELECT key FROM excused)",
     false},
    {"I5", "staff_copies", "a copy of a person differs from workforce's",
     "SELECT coalesce(w.staff, c.staff) || ' in ' || c.service FROM (SELECT s.staff, s.active,"
     " coalesce(d.on_duty, false) AS on_duty"
     " FROM workforce.staff AS s LEFT JOIN workforce.duty AS d USING (staff)) AS w"
     " FULL JOIN (SELECT x.*, coalesce(y.on_duty, false) AS on_duty"
     " FROM (SELECT 'routing' AS service, staff, active FROM routing.staff UNION ALL"
     " SELECT 'notification', staff, active"
     " FROM notification.staff) AS x LEFT JOIN (SELECT 'routing' AS service, staff, on_duty"
     " FROM routing.duty UNION ALL"
     " SELECT 'notification', staff, on_duty FROM notification.duty) AS y USING (service, staff)"
     " UNION ALL SELECT 'reporting', staff, active,"
     " on_duty FROM reporting.staff_fact) AS c ON c.staff = w.staff"
     " WHERE (c.active IS DISTINCT FROM w.active"
     " OR c.on_duty IS DISTINCT FROM w.on_duty) AND coalesce(w.staff, c.staff) NOT IN (SELECT key"
     " FROM excused)",
     false},
    {"I5", "loads", "a person's load is not the number of open tickets held",
     "SELECT staff || ' holds ' || open || ', counted ' || counted FROM (SELECT staff,"
     " coalesce(l.taken, 0) + coalesce(t.net, 0) AS counted, (SELECT count(*)"
     " FROM routing.ticket AS k WHERE k.handler = staff AND k.closed_at IS NULL) AS open"
     " FROM routing.staff_load AS l"
     " FULL JOIN routing.staff_tally AS t USING (staff)) AS line WHERE open <> counted",
     false},
    {"I5", "queues", "a ticket that waits has no place in its queue",
     "SELECT 'ticket ' || t.id || ' in ' || t.queue FROM routing.ticket AS t"
     " WHERE t.queue IS NOT NULL AND t.closed_at IS NULL"
     " AND NOT EXISTS (SELECT FROM routing.waiting AS w WHERE w.ticket = t.id AND w.wish = t.wish"
     " AND w.queue = t.queue)",
     false},
    {"I5", "places", "a place in a queue belongs to no ticket that waits",
     "SELECT 'ticket ' || w.ticket || ' in ' || w.queue FROM routing.waiting AS w"
     " WHERE NOT EXISTS (SELECT FROM routing.ticket AS t"
     " WHERE t.id = w.ticket AND t.wish = w.wish AND t.queue IS NOT NULL)",
     false},
    {"I5", "counters", "a counter is not the number of its facts",
     "SELECT topic || ' counts ' || coalesce(c.count, 0) || ', facts ' || coalesce(e.n, 0)"
     " FROM (SELECT topic, count FROM reporting.topic"
     " WHERE " COUNTER ") AS c FULL JOIN (" EXPECTED_COUNTS
     ") AS e USING (topic) WHERE coalesce(c.count, 0) <> coalesce(e.n, 0)",
     false},
    {"I10", "feed", "the feed has a gap within its last 100,000 entries",
     "SELECT n || ' entries up to ' || head FROM (SELECT h.head, count(*) AS n"
     " FROM (SELECT max(seq) AS head FROM reporting.feed) AS h"
     " JOIN reporting.feed AS f ON f.seq > h.head - 100000 GROUP BY h.head) AS line"
     " WHERE n <> least(head, 100000)",
     false},
    {"I10", "topics", "a topic has no entry, or an entry a topic that nobody finds",
     "SELECT topic FROM (SELECT DISTINCT topic FROM reporting.feed) AS f FULL JOIN (SELECT topic,"
     " 1 AS named FROM reporting.topic_name) AS t"
     " USING (topic) WHERE f IS NULL OR t IS NULL",
     false},

    {"I6", "piled_up", "a partition has more than 1,000 rows of positions",
     "SELECT service || '/' || partition || ': ' || count(*) FROM held"
     " GROUP BY service, partition HAVING count(*) > 1000",
     true},

    {"I7", "unhandled", "an event waits to be handled",
     "SELECT r.service || ' has not handled ' || r.source || '/' || r.partition || '/' || j.seq ||"
     " ' ' || j.type || ' ' || j.key FROM reads AS r"
     " CROSS JOIN LATERAL (" EACH(
         BEHIND) ") AS j WHERE EXISTS (SELECT FROM hears AS h WHERE h.service = r.service"
                 " AND h.source = r.source"
                 " AND h.type = j.type)",
     true},
    {"I7", "running", "a job is under way", EACH(RUNNING), true},
    {"I7", "overdue", "an alarm is overdue", EACH(OVERDUE), true},
    {"I7", "clocks", "the test clocks of two services differ",
     "SELECT service || ': ' || at FROM (SELECT *, max(at) OVER () AS latest FROM (" EACH(
         CLOCKS) ") AS each_one) AS line WHERE at <> latest",
     true},
    {"I7", "set_aside", "a message could not be handled, or is parked behind one", EACH(LETTERS),
     false},

    {"I8", "unanswered", "an event follows from a command that has no reply", EACH(UNANSWERED),
     false},

    {"I12", "left_behind", "a replica that stopped as told still holds a lease", EACH(LEFT_BEHIND),
     false},

    {"I11", "alarm_of_clock", "a clock that runs has no alarm",
     "SELECT 'clock ' || c.id || ' ' || c.name || ' of ticket ' || c.ticket"
     " FROM escalation.clock AS c WHERE c.state <> 'ended'"
     " AND NOT c.breached AND NOT EXISTS (SELECT FROM escalation.alarm AS a"
     " WHERE a.name = 'clock.due' AND a.key = c.id::text)"
     " AND c.ticket::text NOT IN (SELECT key FROM excused)",
     false},
    {"I11", "clock_of_alarm", "an alarm belongs to no clock that runs",
     "SELECT 'alarm ' || a.key || ' at ' || a.due_at FROM escalation.alarm AS a"
     " WHERE a.name = 'clock.due' AND NOT EXISTS (SELECT FROM"
     " escalation.clock AS c WHERE c.id::text = a.key AND c.state <> 'ended')",
     false},
    {"I11", "alarm_in_time", "an alarm comes after its clock's due time",
     "SELECT 'clock ' || c.id || ' is due at ' || c.due_at || ', its alarm at ' || a.due_at"
     " FROM escalation.clock AS c JOIN escalation.alarm AS a"
     " ON a.name = 'clock.due' AND a.key = c.id::text WHERE c.state = 'running' AND NOT c.breached"
     " AND a.due_at > c.due_at + interval '1 microsecond'",
     false},
    {"I11", "levels_once", "a level was told twice",
     "SELECT 'clock ' || (body->>'clock') || ' ' || (body->>'level') || ' at ' || string_agg(place,"
     " ' ' ORDER BY seq) FROM said"
     " WHERE type = 'clock.level' GROUP BY body->>'clock', body->>'level' HAVING count(*) > 1",
     false},
    {"I11", "levels_never_early", "a level was told before its time",
     "SELECT s.place || ', clock ' || (s.body->>'clock') || ' ' || (s.body->>'level') || ' of"
     " ' || (s.body->>'at') || ' told at ' || s.at"
     " FROM said AS s JOIN escalation.clock AS c ON c.id = (s.body->>'clock')::bigint"
     " WHERE s.type = 'clock.level'"
     " AND ((s.body->>'at')::timestamptz > " NOT_BEFORE
     " OR ((s.body->>'share')::int >= 100 AND (s.body->>'at')::timestamptz <"
     " (s.body->>'due_at')::timestamptz AND (s.body->>'at')::timestamptz <> c.started_at))",
     false},
    {"I11", "breaches_never_early", "a breach was told before the due time",
     "SELECT s.place || ', clock ' || (s.body->>'clock') || ' due at ' || (s.body->>'due_at') || '"
     " told at ' || s.at FROM said AS s"
     " WHERE s.type = 'clock.breached' AND (s.body->>'due_at')::timestamptz >= " NOT_BEFORE,
     false},
    {"I11", "breaches_once", "a breach was told twice and not withdrawn between",
     "SELECT 'clock ' || (body->>'clock') FROM said WHERE type IN"
     " ('clock.breached', 'breach.withdrawn') GROUP BY body->>'clock' HAVING count(*) FILTER (WHERE"
     " type = 'clock.breached') > 1 + count(*) FILTER (WHERE type = 'breach.withdrawn')",
     false},
    {"I11", "verdicts", "a verdict does not fit the times",
     "SELECT 'clock ' || id || ' ' || name || ' ' || verdict || ': due at ' || due_at || ',"
     " stopped at ' || stopped_at FROM escalation.clock"
     " WHERE (verdict = 'breached') <> (stopped_at > due_at)",
     false},
    {"I11", "job_of_message", "a message waits to be sent and has no job",
     "SELECT 'message ' || m.id || ' ' || m.state FROM notification.message AS m"
     " WHERE m.state IN ('planned', 'held') AND NOT EXISTS"
     " (SELECT FROM notification.alarm AS a WHERE a.name = 'message.due' AND a.key = m.id::text)"
     " AND m.id::text NOT IN (SELECT key FROM excused)",
     false},
    {"I11", "message_of_job", "a job belongs to no message that waits",
     "SELECT 'job ' || a.key FROM notification.alarm AS a WHERE a.name = 'message.due'"
     " AND NOT EXISTS (SELECT FROM notification.message AS m"
     " WHERE m.id::text = a.key AND m.state IN ('planned', 'held'))",
     false},
    {"I11", "step_of_alarm", "an alarm belongs to no open ticket",
     "SELECT 'ticket ' || a.key FROM routing.alarm AS a WHERE a.name = 'step.due'"
     " AND NOT EXISTS (SELECT FROM routing.ticket AS t"
     " WHERE t.id::text = a.key AND t.closed_at IS NULL)",
     false},
    {"I11", "time_forward", "the time of a journal went back by more than a minute",
     "SELECT place || ': ' || at || ' after ' || was FROM (SELECT place, at,"
     " max(at) OVER (PARTITION BY service, partition ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING"
     " AND 1 PRECEDING) AS was FROM said) AS line WHERE at < was - interval '1 minute'",
     false},
    {"I11", "deadlocks", "two transactions waited for each other",
     "SELECT deadlocks || ' deadlocks since ' || coalesce(stats_reset::text, 'the beginning')"
     " FROM pg_stat_database"
     " WHERE datname = current_database() AND deadlocks > 0",
     false},
};
const size_t audit_checks_n = COUNT(audit_checks);
