#include "store.h"

#include "reporting_rows.msg.h"

/* --- facts --- */

#define TICKET                                                                                     \
    "ticket, contact, kind, topic, channel, org_unit, class, state, priority, department, owner,"  \
    " handler, queue, "                                                                            \
    "round, answered, received_at, assigned_at, replied_at, result_due_at, result_at,"             \
    " satisfied_at, closed_at, "                                                                   \
    "exit, reason"
#define CLOCK "clock, ticket, name, kind, round, verdict, started_at, due_at, stopped_at"

const struct statement ticket_lock = {
    .kind = STATEMENT_LOCK,
    .row = &ticket_fact_row_shape,
    .by = "ticket",
    .whole = &ticket_fact_row_shape,
    .sql =
        "SELECT " TICKET " FROM ticket_fact WHERE ticket = ANY(:keys) ORDER BY ticket FOR UPDATE"};

/* The state as indexed: while a ticket is open its state changes often, and touches no index. */
#define ENDED "CASE WHEN rows.closed_at IS NOT NULL THEN rows.state END"

/* A row is known to be new or not: an INSERT or an UPDATE alone costs less than an upsert. */
const struct statement ticket_insert = {.kind = STATEMENT_WRITE,
                                        .row = &ticket_fact_row_shape,
                                        .sql = "INSERT INTO ticket_fact (" TICKET
                                               ", ended) SELECT " TICKET ", " ENDED " FROM :rows"};

const struct statement ticket_update = {
    .kind = STATEMENT_WRITE,
    .row = &ticket_fact_row_shape,
    .sql =
        "UPDATE ticket_fact AS t SET contact = rows.contact, kind = rows.kind, topic = rows.topic,"
        " channel = rows.channel, org_unit = rows.org_unit, class = rows.class, state = rows.state,"
        " priority = rows.priority, department = rows.department, owner = rows.owner,"
        " handler = rows.handler, queue = rows.queue, round = rows.round, answered = rows.answered,"
        " received_at = rows.received_at, assigned_at = rows.assigned_at,"
        " replied_at = rows.replied_at, result_due_at = rows.result_due_at,"
        " result_at = rows.result_at, satisfied_at = rows.satisfied_at, closed_at = rows.closed_at,"
        " exit = rows.exit, reason = rows.reason, ended = " ENDED
        " FROM :rows WHERE t.ticket = rows.ticket"};

const struct statement clock_lock = {
    .kind = STATEMENT_LOCK,
    .row = &clock_fact_row_shape,
    .by = "clock",
    .whole = &clock_fact_row_shape,
    .sql = "SELECT " CLOCK " FROM clock_fact WHERE clock = ANY(:keys) ORDER BY clock FOR UPDATE"};

const struct statement clock_insert = {.kind = STATEMENT_WRITE,
                                       .row = &clock_fact_row_shape,
                                       .sql = "INSERT INTO clock_fact (" CLOCK ") SELECT " CLOCK
                                              " FROM :rows"};

const struct statement clock_update = {
    .kind = STATEMENT_WRITE,
    .row = &clock_fact_row_shape,
    .sql = "UPDATE clock_fact AS c SET verdict = rows.verdict, started_at = rows.started_at,"
           " due_at = rows.due_at, stopped_at = rows.stopped_at FROM :rows"
           " WHERE c.clock = rows.clock"};

const struct statement message_lock = {
    .kind = STATEMENT_LOCK,
    .row = &message_fact_row_shape,
    .by = "message",
    .whole = &message_fact_row_shape,
    .sql = "SELECT message, ticket, state FROM message_fact WHERE message = ANY(:keys)"
           " ORDER BY message FOR UPDATE"};

const struct statement message_insert = {
    .kind = STATEMENT_WRITE,
    .row = &message_fact_row_shape,
    .sql = "INSERT INTO message_fact (message, ticket, state) SELECT message, ticket, state"
           " FROM :rows"};

const struct statement message_update = {
    .kind = STATEMENT_WRITE,
    .row = &message_fact_row_shape,
    .sql = "UPDATE message_fact AS m SET state = rows.state FROM :rows"
           " WHERE m.message = rows.message"};

const struct statement staff_lock = {
    .kind = STATEMENT_LOCK,
    .row = &staff_fact_row_shape,
    .by = "staff",
    .whole = &staff_fact_row_shape,
    .sql = "SELECT staff, active, on_duty FROM staff_fact WHERE staff = ANY(:keys)"
           " ORDER BY staff FOR UPDATE"};

const struct statement staff_write = {
    .kind = STATEMENT_WRITE,
    .row = &staff_fact_row_shape,
    .sql =
        "INSERT INTO staff_fact (staff, active, on_duty) SELECT staff, active, on_duty FROM :rows"
        " ON CONFLICT (staff) DO UPDATE SET active = excluded.active, on_duty = excluded.on_duty"};

/* Tickets of one contact lie in several lanes: as an ADD its rows are taken last and in order. */
const struct statement contact_add = {
    .kind = STATEMENT_ADD,
    .row = &contact_fact_row_shape,
    .sql = "INSERT INTO contact_fact (contact, at, channel) SELECT contact, at, channel FROM :rows"
           " ON CONFLICT (contact) DO NOTHING"};

/* --- counters and the feed --- */

#define VALUE "value, count, of, p50, p90, at"

const struct statement topics_last = {.kind = STATEMENT_READ,
                                      .row = &topic_row_shape,
                                      .by = "topic",
                                      .sql = "SELECT topic, seq, " VALUE
                                             " FROM topic WHERE topic = ANY(:keys) ORDER BY topic"};

const struct statement kpi_topics = {.kind = STATEMENT_READ,
                                     .row = &topic_row_shape,
                                     .sql = "SELECT topic, seq, " VALUE
                                            " FROM topic WHERE topic >= 'kpi/' AND topic < 'kpi0'"};

#define HEAD "coalesce((SELECT max(seq) FROM feed), 0)"

/* Real time, whatever the clock says: this is about the machine's work. */
#define RESTED                                                                                     \
    "coalesce(refreshed_at + wait_ms * interval '1 millisecond' <= clock_timestamp(), true)"

/* No row is locked: of two who append at once the second meets the first one's number, and its
   lease is gone. */
const struct statement feed_now = {
    .kind = STATEMENT_READ,
    .row = &feed_state_row_shape,
    .by = "feed",
    .sql = "SELECT feed, " HEAD " AS head, zone, refreshed_at, wait_ms, kpi_at, " RESTED
           " AS rested, EXISTS (SELECT FROM test_clock) AS test_clock FROM feed_state"
           " WHERE feed = ANY(:keys)"};

const struct statement feed_state_write = {
    .kind = STATEMENT_WRITE,
    .row = &feed_state_row_shape,
    .sql =
        "UPDATE feed_state SET zone = rows.zone, wait_ms = rows.wait_ms, kpi_at = rows.kpi_at,"
        " refreshed_at = CASE WHEN rows.refreshed THEN clock_timestamp() ELSE rows.refreshed_at END"
        " FROM :rows WHERE feed_state.feed = rows.feed"};

const struct statement feed_append = {.kind = STATEMENT_WRITE,
                                      .row = &feed_row_shape,
                                      .sql = "INSERT INTO feed (seq, topic, " VALUE
                                             ") SELECT seq, topic, " VALUE " FROM :rows"};

/* The last entry of a topic stays. */
const struct statement feed_cut = {
    .kind = STATEMENT_WRITE,
    .row = &feed_cut_row_shape,
    .sql = "DELETE FROM feed AS old USING :rows WHERE old.seq > rows.after AND old.seq <= rows.upto"
           " AND EXISTS (SELECT FROM feed AS f WHERE f.topic = old.topic AND -f.seq < -old.seq)"};

const struct statement topic_insert = {.kind = STATEMENT_WRITE,
                                       .row = &topic_name_row_shape,
                                       .sql =
                                           "INSERT INTO topic_name (topic) SELECT topic FROM :rows"
                                           " ON CONFLICT DO NOTHING"};

/* --- figures of a period --- */

/* Figures that `period(from_at, to_at)` of at most one row makes of the facts. Each line reads one
   index over that period only. percentile_disc is the nearest rank: the smallest value that at
   least that share of all values does not exceed. */
#define INTERVAL(name, end, also)                                                                  \
    " UNION ALL SELECT '" name "', NULL, NULL, NULL, count(*), count(*), 0::bigint, avg(s),"       \
    " percentile_disc(0.5) WITHIN GROUP (ORDER BY s), percentile_disc(0.9) WITHIN GROUP (ORDER BY" \
    " s)"                                                                                          \
    " FROM (SELECT extract(epoch FROM t." end                                                      \
    " - t.received_at)::double precision AS s FROM period JOIN ticket_fact t"                      \
    " ON t." end " >= from_at AND t." end                                                          \
    " < to_at WHERE t.exit IS NULL AND t.received_at IS NOT NULL" also ") x"

/* Of each clock its ticket is looked up by key: a join would be planned without knowing the period,
   and read all tickets. */
#define FIGURES                                                                                    \
    " SELECT 'clock' AS figure, name AS clock, kind, answered,"                                    \
    " count(*) FILTER (WHERE verdict = 'met') AS met, count(*) FILTER (WHERE"                      \
    " verdict <> 'none') AS of, count(*) FILTER (WHERE verdict = 'none') AS apart,"                \
    " NULL::double precision AS mean, NULL::double precision AS p50,"                              \
    " NULL::double precision AS p90"                                                               \
    " FROM (SELECT c.name, c.kind, c.verdict, coalesce((SELECT t.answered FROM ticket_fact t"      \
    " WHERE t.ticket = c.ticket),"                                                                 \
    " false) AS answered FROM period JOIN clock_fact c ON c.due_at >= from_at"                     \
    " AND c.due_at < to_at) x"                                                                     \
    " GROUP BY name, kind, answered"                                                               \
    " UNION ALL SELECT 'timely', NULL, NULL, NULL, count(*) FILTER (WHERE intime),"                \
    " count(*) FILTER (WHERE NOT gone), count(*) FILTER (WHERE gone), NULL, NULL, NULL"            \
    " FROM (SELECT coalesce(t.result_at <= t.result_due_at, false) AS intime, t.exit IS NOT NULL"  \
    " AND t.closed_at <="                                                                          \
    " t.result_due_at AND coalesce(t.result_at > t.result_due_at, true) AS gone FROM period"       \
    " JOIN ticket_fact t"                                                                          \
    " ON t.result_due_at >= from_at AND t.result_due_at < to_at) x"                                \
    " UNION ALL SELECT 'complaints', NULL, NULL, NULL, count(*) FILTER (WHERE t.exit IS NULL),"    \
    " (SELECT count(*) FROM period"                                                                \
    " JOIN contact_fact k ON k.at >= from_at AND k.at < to_at),"                                   \
    " count(*) FILTER (WHERE t.exit IS NOT NULL), NULL, NULL, NULL"                                \
    " FROM period JOIN ticket_fact t ON t.received_at >= from_at AND t.received_at < to_at"        \
    " AND t.kind = 'complaint'" INTERVAL("result", "result_at", "")                                \
        INTERVAL("satisfied", "satisfied_at", "")                                                  \
            INTERVAL("wait", "assigned_at", " AND NOT coalesce(t.answered, false)")

/* The last line is `gate`: how long the others took (of, microseconds). While it is too early
   nothing is looked at. What happens at this very instant is part of the period. */
const struct statement figures_now = {
    .kind = STATEMENT_READ,
    .row = &figure_row_shape,
    .sql = "WITH period AS MATERIALIZED (SELECT date_trunc('month', now_us(), zone) AS from_at,"
           " now_us() + interval '1 microsecond' AS to_at FROM feed_state WHERE feed = 'feed'"
           " AND " RESTED "),"
           " lines AS MATERIALIZED (" FIGURES ")"
           " SELECT * FROM lines"
           " UNION ALL SELECT 'gate', NULL, NULL, NULL, 0::bigint,"
           " (extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000000)::bigint,"
           " (SELECT count(*) FROM lines), NULL, NULL, NULL FROM period"};

const struct statement figures_between = {
    .kind = STATEMENT_READ,
    .row = &figure_row_shape,
    .sql = "WITH period AS MATERIALIZED (SELECT coalesce(:from, date_trunc('month', now_us(),"
           " zone)) AS from_at, least(:to, now_us() + interval '1 microsecond') AS to_at"
           " FROM feed_state WHERE feed = 'feed'"
           " AND (:from IS NOT NULL OR :to IS NOT NULL))" FIGURES};

/* --- queries --- */

const struct statement topics_all = {.kind = STATEMENT_READ,
                                     .row = &topic_row_shape,
                                     .sql =
                                         "SELECT topic, seq, " VALUE " FROM topic ORDER BY topic"};

const struct statement feed_head = {
    .kind = STATEMENT_READ,
    .row = &feed_state_row_shape,
    .sql = "SELECT feed, " HEAD
           " AS head, zone, refreshed_at, wait_ms FROM feed_state WHERE feed = 'feed'"};

/* Is what follows :after still there? */
#define RESUMES "(:after > 0 AND :after BETWEEN " HEAD " - " STRING(FEED_KEPT) " AND " HEAD ")"

const struct statement feed_resumes = {
    .kind = STATEMENT_READ, .row = &feed_resume_row_shape, .sql = "SELECT " RESUMES " AS resumes"};

const struct statement feed_entries = {
    .kind = STATEMENT_READ,
    .row = &feed_row_shape,
    .sql =
        "SELECT seq, topic, " VALUE " FROM feed WHERE seq > :after AND " RESUMES
        " AND starts_with(topic, coalesce(:prefix, '')) ORDER BY seq LIMIT least(coalesce(:limit,"
        " 500), 5000)"};

const struct statement feed_snapshot = {
    .kind = STATEMENT_READ,
    .row = &feed_row_shape,
    .sql = "SELECT seq, topic, " VALUE " FROM topic WHERE NOT " RESUMES
           " AND starts_with(topic, coalesce(:prefix, '')) ORDER BY topic"};

#define DRILL_PART(n) "split_part(:topic, '/', " #n ")"
#define DRILL_MAX "least(coalesce(:limit, 100), 1000)"
#define DRILL(from, first, condition)                                                              \
    {                                                                                              \
        .kind = STATEMENT_READ, .row = &drill_row_shape,                                           \
        .sql = "SELECT ticket FROM " from " WHERE " DRILL_PART(                                    \
            1) " = '" first "' AND " condition                                                     \
               " AND ticket > coalesce(:after, 0) ORDER BY ticket LIMIT " DRILL_MAX                \
    }

/* Open tickets by one index, ended ones by another. */
#define DRILL_STATE(condition)                                                                     \
    "(SELECT ticket FROM ticket_fact WHERE " DRILL_PART(1) " = 'tickets' AND kind = " DRILL_PART(  \
        2) " AND " condition                                                                       \
           " = " DRILL_PART(                                                                       \
               3) " AND ticket > coalesce(:after, 0) ORDER BY ticket LIMIT " DRILL_MAX ")"
const struct statement drill_state = {
    .kind = STATEMENT_READ,
    .row = &drill_row_shape,
    .sql = DRILL_STATE("closed_at IS NULL AND state") " UNION ALL " DRILL_STATE(
        "ended") " ORDER BY ticket LIMIT " DRILL_MAX};
const struct statement drill_open =
    DRILL("ticket_fact", "tickets", ":topic = 'tickets/open' AND closed_at IS NULL");
const struct statement drill_department =
    DRILL("ticket_fact", "tickets",
          DRILL_PART(2) " = 'department' AND coalesce(department, 'none') = " DRILL_PART(
              3) " AND closed_at IS NULL");
const struct statement drill_held =
    DRILL("ticket_fact", "held",
          "handler = " DRILL_PART(2) " AND closed_at IS NULL AND handler IS NOT NULL");
const struct statement drill_waiting = DRILL(
    "ticket_fact", "waiting",
    "queue = " DRILL_PART(2) " AND closed_at IS NULL AND handler IS NULL AND queue IS NOT NULL");
const struct statement drill_exit =
    DRILL("ticket_fact", "exits",
          "exit = " DRILL_PART(2) " AND coalesce(reason, 'none') = " DRILL_PART(
              3) " AND exit IS NOT NULL");
const struct statement drill_clock =
    DRILL("clock_fact", "clocks", "name = " DRILL_PART(2) " AND verdict = " DRILL_PART(3));
const struct statement drill_message =
    DRILL("message_fact", "messages", "state = " DRILL_PART(2) " AND state <> 'sent'");

/* --- the publisher --- */

const struct statement feed_tail = {.kind = STATEMENT_READ,
                                    .row = &feed_row_shape,
                                    .sql = "SELECT seq, topic, " VALUE
                                           " FROM feed WHERE seq > :after ORDER BY seq LIMIT 500"};

const struct statement feed_last = {.kind = STATEMENT_READ,
                                    .row = &feed_row_shape,
                                    .sql = "SELECT seq, topic, " VALUE
                                           " FROM topic WHERE seq <= :after ORDER BY topic"};

const struct statement *const store_all[STORE_STATEMENTS] = {
    &ticket_lock,  &clock_lock,       &message_lock,     &staff_lock,      &feed_now,
    &topics_last,  &kpi_topics,       &figures_now,      &figures_between, &topics_all,
    &feed_head,    &feed_resumes,     &feed_entries,     &feed_snapshot,   &drill_state,
    &drill_open,   &drill_department, &drill_held,       &drill_waiting,   &drill_exit,
    &drill_clock,  &drill_message,    &ticket_insert,    &ticket_update,   &clock_insert,
    &clock_update, &message_insert,   &message_update,   &staff_write,     &feed_append,
    &feed_cut,     &topic_insert,     &feed_state_write, &contact_add,
};
