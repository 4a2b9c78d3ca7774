#include "runtime/core/tables.h"

#include "runtime.msg.h"
#include "db/sql.h"

const struct pg_statement statement_begin = {"begin", "BEGIN"};
const struct pg_statement statement_commit = {"commit", "COMMIT"};

/* now_us() is written out: this one is part of every transaction, and a function costs more than
   all the rest of it. */
const struct pg_statement statement_opening = {
    "opening", "SELECT coalesce(c.at, clock_timestamp()),"
               " coalesce((SELECT max(version) FROM policy_version), 0), c.window_from, c.window_to"
               " FROM (VALUES (true)) AS v (one) LEFT JOIN test_clock AS c ON true"};

const struct pg_statement statement_id_block = {"id_block", "SELECT nextval('id_block')"};

const struct pg_statement statement_counts = {
    "counts", "SELECT (SELECT CASE WHEN reltuples < 10000"
              " THEN (SELECT count(*) FROM (SELECT FROM alarm LIMIT 10000) AS few)"
              " ELSE reltuples END::bigint FROM pg_class WHERE oid = 'alarm'::regclass),"
              " (SELECT count(*) FROM dead_letter WHERE state = 'dead'),"
              " (SELECT count(*) FROM dead_letter WHERE state = 'parked'),"
              " (SELECT count(*) FROM test_clock)"};

const struct pg_statement statement_clock_set = {
    "clock_set",
    "WITH t AS (INSERT INTO test_clock AS c (at, window_from, window_to)"
    " VALUES ($1::timestamptz, $2::timestamptz, $3::timestamptz) ON CONFLICT (one)"
    " DO UPDATE SET at = greatest(c.at, excluded.at), window_from = excluded.window_from,"
    " window_to = excluded.window_to RETURNING at)"
    " SELECT t.at, p, a.due_at FROM t CROSS JOIN generate_series(0, 31) AS p LEFT JOIN LATERAL"
    " (SELECT due_at FROM alarm WHERE partition = p AND NOT running ORDER BY due_at LIMIT 1) AS a"
    " ON true"};

const struct pg_statement statement_alarms = {
    "alarms", "SELECT partition, name, key, due_at, attempt, body FROM alarm"
              " ORDER BY due_at LIMIT 200"};

const struct pg_statement statement_dead = {
    "dead",
    "SELECT dead, state, source, type, key, partition, seq, reason, set_aside_at FROM dead_letter"
    " ORDER BY dead LIMIT 500"};

const struct pg_statement statement_policy_lock = {
    "policy_lock",
    "SELECT pg_advisory_xact_lock(current_schema()::regnamespace::oid::integer, -1)"};

/* Not prepared: they speak of a table that lives as long as the transaction. */
const char statement_policy_offered[] =
    "CREATE TEMPORARY TABLE offered (name text, body text) ON COMMIT DROP";

const char statement_policy_version[] =
    "INSERT INTO policy_version (version, published_at, published_by)"
    " SELECT coalesce(max(version), 0) + 1, now_us(), 'operator' FROM policy_version"
    " HAVING NOT EXISTS (SELECT 1 FROM policy_version)"
    " OR EXISTS (SELECT name, body FROM offered EXCEPT SELECT name, body FROM policy_file"
    " WHERE version = (SELECT max(version) FROM policy_version))"
    " OR (SELECT count(*) FROM offered) <> (SELECT count(*) FROM policy_file"
    " WHERE version = (SELECT max(version) FROM policy_version))"
    " RETURNING version";

const char statement_policy_files[] =
    "INSERT INTO policy_file (version, name, body) SELECT v.version, o.name, o.body"
    " FROM offered AS o"
    " CROSS JOIN (SELECT max(version) AS version FROM policy_version) AS v ON CONFLICT DO NOTHING";

const struct pg_statement statement_member_clean = {
    "member_clean", "UPDATE member SET clean = true WHERE instance = convert_from($1, 'UTF8')"};

/* The journal's first lock key is the schema's oid: journals in one database do not wait for each
   other. */
const struct statement sql_journal_lock = {
    .kind = STATEMENT_WRITE,
    .row = &partition_lock_row_shape,
    .sql = "SELECT pg_advisory_xact_lock(current_schema()::regnamespace::oid::integer,"
           " partition::integer) FROM :rows"};

/* After the lock: what everybody else has appended. */
const struct statement sql_journal_heads = {
    .kind = STATEMENT_WRITE,
    .row = &partition_lock_row_shape,
    .sql = "SELECT coalesce((SELECT seq FROM journal AS j WHERE j.partition = r.partition"
           " ORDER BY seq DESC LIMIT 1), 0)"
           " FROM (SELECT * FROM :rows) AS r"};

const struct statement sql_journal_put = {
    .kind = STATEMENT_WRITE,
    .row = &journal_row_shape,
    .sql = "INSERT INTO journal (partition, seq, at, type, version, key, cause, trace, body)"
           " SELECT partition, nextval('journal_seq'), at, type, version, key, cause, trace, body"
           " FROM :rows RETURNING seq"};

const struct statement sql_journal_tail = {
    .kind = STATEMENT_WRITE,
    .row = &tail_row_shape,
    .sql = "SELECT j.* FROM (SELECT * FROM :rows) AS w CROSS JOIN LATERAL"
           " (SELECT partition, seq, at, type, version, key, cause, trace, body FROM journal"
           "  WHERE partition = w.partition AND seq > w.seq ORDER BY seq LIMIT 512) AS j"
           " ORDER BY j.seq LIMIT 2048"};

/* Positions of readers whose event has been removed. */
const struct statement sql_journal_gone = {
    .kind = STATEMENT_WRITE,
    .row = &tail_row_shape,
    .sql = "SELECT w.partition FROM (SELECT * FROM :rows) AS w WHERE w.seq > 0 AND NOT EXISTS"
           " (SELECT FROM journal AS j WHERE j.partition = w.partition AND j.seq = w.seq)"};

const struct statement sql_position_last = {
    .kind = STATEMENT_READ,
    .row = &position_row_shape,
    .by = "partition",
    .sql =
        "SELECT l.partition::bigint AS partition, l.n, l.owner, l.seqs, l.expires_at,"
        " l.expires_at > clock_timestamp() AS live"
        " FROM unnest(:keys) AS p CROSS JOIN LATERAL (SELECT partition, n, owner, seqs, expires_at"
        " FROM position"
        " WHERE partition = p ORDER BY n DESC LIMIT 1) AS l"};

const struct statement sql_position_put = {
    .kind = STATEMENT_WRITE,
    .row = &position_row_shape,
    .sql = "INSERT INTO position (partition, n, owner, seqs, expires_at) SELECT r.partition,"
           " CASE WHEN EXISTS (SELECT FROM position AS p WHERE p.partition = r.partition"
           " AND p.n >= r.n)"
           " THEN fenced(r.partition, r.n) ELSE r.n END, r.owner, r.seqs,"
           " clock_timestamp() + coalesce(r.lease_ms, 0) * interval '1 ms' FROM (SELECT *"
           " FROM :rows) AS r"};

/* Tables of which few rows live and many are dead look empty to the planner once they have been
   analysed, and it would rather walk through all of them than look up a few: so places are looked
   up first, by a subquery that it cannot turn around. */
const struct statement sql_position_clean = {
    .kind = STATEMENT_WRITE,
    .row = &position_range_row_shape,
    .sql = "DELETE FROM position WHERE ctid = ANY(ARRAY(SELECT gone.ctid FROM :rows"
           " CROSS JOIN LATERAL (SELECT p.ctid FROM position AS p"
           " WHERE p.partition = rows.partition AND p.n >= rows.low"
           " AND p.n < rows.upto OFFSET 0) AS gone))"};

/* Alarms and reported jobs are deleted, jobs to run are marked; what is not found any more is not
   given back. */
const struct statement sql_alarm_claim = {
    .kind = STATEMENT_WRITE,
    .row = &alarm_row_shape,
    .sql =
        "WITH r AS MATERIALIZED (SELECT rows.running, (SELECT a.ctid FROM alarm AS a"
        " WHERE a.partition = rows.partition"
        "  AND a.name = rows.name AND a.key = rows.key AND (a.due_at = rows.due_at"
        " OR rows.attempt IS NOT NULL AND NOT rows.running))"
        "  AS place FROM :rows),"
        " gone AS (DELETE FROM alarm AS a WHERE a.ctid = ANY(ARRAY(SELECT place FROM r"
        " WHERE NOT running))"
        "  RETURNING a.partition::bigint AS partition, a.name, a.key,"
        " a.attempt::bigint AS attempt), taken AS (UPDATE alarm AS a SET running = true,"
        " attempt = a.attempt + 1, due_at = now_us() + interval '120 s'"
        "  WHERE a.ctid = ANY(ARRAY(SELECT place FROM r WHERE running))"
        "  RETURNING a.partition::bigint AS partition, a.name, a.key, a.attempt::bigint AS attempt)"
        " SELECT * FROM gone UNION ALL SELECT * FROM taken"};

const struct statement sql_alarm_set = {
    .kind = STATEMENT_WRITE,
    .row = &alarm_row_shape,
    .sql = "INSERT INTO alarm (partition, name, key, due_at, attempt, running, cause, body)"
           " SELECT partition, name, key, due_at, coalesce(attempt, 0), running, cause, body"
           " FROM :rows"
           " ON CONFLICT (partition, name, key) DO UPDATE SET due_at = excluded.due_at,"
           " attempt = excluded.attempt, running = excluded.running, cause = excluded.cause,"
           " body = excluded.body"};

const struct statement sql_alarm_drop = {
    .kind = STATEMENT_WRITE,
    .row = &alarm_row_shape,
    .sql = "DELETE FROM alarm WHERE ctid = ANY(ARRAY(SELECT (SELECT a.ctid FROM alarm AS a"
           " WHERE a.partition = rows.partition"
           " AND a.name = rows.name AND a.key = rows.key) FROM :rows))"};

/* Due alarms and, as the row without a cause, the next one: by one clock, or an alarm might fall
   between the two. */
const struct statement sql_alarm_look = {
    .kind = STATEMENT_READ,
    .row = &alarm_row_shape,
    .by = "partition",
    .sql =
        "WITH t AS MATERIALIZED (SELECT now_us() AS now),"
        " due AS (SELECT a.* FROM t, unnest(:keys) AS p CROSS JOIN LATERAL (SELECT"
        " partition::bigint AS partition, name, key,"
        "  due_at, attempt::bigint AS attempt, running, cause, body FROM alarm WHERE partition = p"
        " AND NOT running"
        "  AND due_at >= coalesce(:since, '-infinity') AND due_at <= t.now ORDER BY due_at"
        " LIMIT 32) AS a"
        "  ORDER BY a.due_at, a.name, a.key),"
        " next AS (SELECT a.* FROM t, unnest(:keys) AS p CROSS JOIN LATERAL (SELECT"
        " partition::bigint AS partition, name, key,"
        "  due_at, NULL::bigint AS attempt, running, NULL::text AS cause, NULL::bytea AS body"
        " FROM alarm WHERE partition = p"
        "  AND NOT running AND due_at >= coalesce(:next_since, '-infinity') AND due_at > t.now"
        " ORDER BY due_at LIMIT 1) AS a"
        "  ORDER BY a.due_at LIMIT 1)"
        " SELECT * FROM due UNION ALL SELECT * FROM next"};

/* Jobs that were begun and never ended. */
const struct statement sql_alarm_lost = {
    .kind = STATEMENT_READ,
    .row = &alarm_row_shape,
    .by = "partition",
    .sql = "SELECT partition::bigint AS partition, name, key, due_at, attempt::bigint AS attempt,"
           " running, cause, body"
           " FROM alarm WHERE partition = ANY(:keys) AND running AND due_at <= now_us()"
           " ORDER BY due_at, name, key LIMIT 200"};

/* Jobs that a process now gone had begun: due again at once. They are due within 120 s (see above),
   so few rows are looked at. */
const struct statement sql_alarm_orphans = {
    .kind = STATEMENT_WRITE,
    .row = &partition_lock_row_shape,
    .sql =
        "UPDATE alarm AS a SET running = false, due_at = now_us() FROM (SELECT * FROM :rows) AS r"
        " WHERE a.partition = r.partition AND a.running AND a.due_at <= now_us() + interval '120"
        " s'"};

const struct statement sql_reply_find = {
    .kind = STATEMENT_WRITE,
    .row = &kept_reply_row_shape,
    .sql = "SELECT p.principal, p.id, p.hash, p.body FROM (SELECT * FROM :rows) AS r"
           " JOIN reply AS p ON p.principal = r.principal AND p.id = r.id"};

const struct statement sql_reply_put = {
    .kind = STATEMENT_WRITE,
    .row = &kept_reply_row_shape,
    .sql = "INSERT INTO reply (principal, id, hash, body, at)"
           " SELECT principal, id, coalesce(hash, 0), coalesce(body, ''), clock_timestamp()"
           " FROM :rows"};

/* A job whose letter is run again. One that was planned meanwhile takes its place. */
const struct statement sql_alarm_plant = {
    .kind = STATEMENT_WRITE,
    .row = &alarm_row_shape,
    .sql =
        "INSERT INTO alarm (partition, name, key, due_at, attempt, running, cause, body)"
        " SELECT partition, name, key, due_at, coalesce(attempt, 0), false, cause, body FROM :rows"
        " ON CONFLICT DO NOTHING"};

const struct statement sql_dead_put = {
    .kind = STATEMENT_WRITE,
    .row = &dead_row_shape,
    .sql = "INSERT INTO dead_letter (partition, key, state, source, seq, type, version, at, cause,"
           " trace, body, reason, attempt, parks, set_aside_at)"
           " SELECT partition, key, state, source, coalesce(seq, 0), type, coalesce(version, 0),"
           " coalesce(at, now_us()), coalesce(cause, ''), trace, coalesce(body, ''), reason,"
           " coalesce(attempt, 0), parks, now_us() FROM :rows"};

const struct statement sql_dead_drop = {
    .kind = STATEMENT_WRITE,
    .row = &dead_row_shape,
    .sql = "DELETE FROM dead_letter AS d USING (SELECT * FROM :rows) AS r WHERE d.dead = r.dead"};

/* It was run again, and failed again. */
const struct statement sql_dead_fail = {
    .kind = STATEMENT_WRITE,
    .row = &dead_row_shape,
    .sql = "UPDATE dead_letter AS d SET state = 'dead', reason = r.reason, parks = r.parks,"
           " set_aside_at = now_us() FROM (SELECT * FROM :rows) AS r WHERE d.dead = r.dead"};

/* The first letter of a key: what follows waits for it. Locked: nobody discards it meanwhile. */
const struct statement sql_dead_first = {
    .kind = STATEMENT_WRITE,
    .row = &dead_row_shape,
    .sql = "SELECT d.* FROM (SELECT * FROM :rows) AS r CROSS JOIN LATERAL"
           " (SELECT dead, partition::bigint AS partition, key, state, source, seq, type,"
           "  version::bigint AS version, at, cause, trace, body, attempt::bigint AS attempt, parks"
           "  FROM dead_letter WHERE partition = r.partition AND key = r.key"
           "  AND (parks OR state = 'parked') ORDER BY dead LIMIT 1 FOR UPDATE) AS d"};

/* Of these keys those that have letters which later messages wait behind. */
const struct statement sql_dead_behind = {
    .kind = STATEMENT_WRITE,
    .row = &dead_row_shape,
    .sql = "SELECT r.partition, r.key FROM (SELECT * FROM :rows) AS r"
           " WHERE EXISTS (SELECT FROM dead_letter AS d"
           " WHERE d.partition = r.partition AND d.key = r.key AND d.parks)"};

/* All such keys; more than 20,000 need not be told apart. */
const struct statement sql_dead_keys = {
    .kind = STATEMENT_READ,
    .row = &dead_row_shape,
    .by = "partition",
    .sql = "SELECT DISTINCT partition::bigint AS partition, key FROM dead_letter"
           " WHERE partition = ANY(:keys) AND parks LIMIT 20001"};

/* Keys whose first letter waits for nobody: it is to be run. */
const struct statement sql_dead_ready = {
    .kind = STATEMENT_READ,
    .row = &dead_row_shape,
    .by = "partition",
    .sql = "SELECT partition, key FROM (SELECT DISTINCT ON (partition, key)"
           "  partition::bigint AS partition, key, state"
           " FROM dead_letter WHERE partition = ANY(:keys) AND (parks OR state = 'parked')"
           " ORDER BY partition, key, dead) AS head WHERE state = 'parked' LIMIT 200"};

const struct statement sql_dead_retry = {
    .kind = STATEMENT_WRITE,
    .row = &dead_row_shape,
    .sql = "UPDATE dead_letter AS d SET state = 'parked' FROM (SELECT * FROM :rows) AS r"
           " WHERE d.partition = r.partition AND d.key = r.key AND d.state = 'dead'"};

/* The letter named, or the first dead one. */
const struct statement sql_dead_discard = {
    .kind = STATEMENT_WRITE,
    .row = &dead_row_shape,
    .sql = "DELETE FROM dead_letter AS d USING (SELECT * FROM :rows) AS r"
           " WHERE d.partition = r.partition AND d.key = r.key AND d.dead = coalesce(r.dead,"
           " (SELECT min(f.dead) FROM dead_letter AS f"
           "  WHERE f.partition = r.partition AND f.key = r.key"
           " AND f.state = 'dead'))"};

const struct statement sql_dead_count = {.kind = STATEMENT_WRITE,
                                         .row = &dead_row_shape,
                                         .sql =
                                             "SELECT (SELECT count(*) FROM dead_letter AS d"
                                             "  WHERE d.partition = r.partition AND d.key = r.key)"
                                             " FROM (SELECT * FROM :rows) AS r"};

const struct statement sql_suspect_put = {
    .kind = STATEMENT_WRITE,
    .row = &suspect_row_shape,
    .sql = "INSERT INTO suspect AS s (identity, times) SELECT identity, 1 FROM :rows"
           " ON CONFLICT (identity) DO UPDATE SET times = s.times + 1 RETURNING identity,"
           " times::bigint AS times"};

const struct statement sql_suspect_drop = {
    .kind = STATEMENT_WRITE,
    .row = &suspect_row_shape,
    .sql =
        "DELETE FROM suspect AS s USING (SELECT * FROM :rows) AS r WHERE s.identity = r.identity"};

const struct statement sql_policy_files = {
    .kind = STATEMENT_READ,
    .row = &policy_file_row_shape,
    .by = "version",
    .sql = "SELECT version, name, body FROM policy_file WHERE version = ANY(:keys)"
           " ORDER BY version, name"};

const struct statement sql_policy_offer = {
    .kind = STATEMENT_WRITE,
    .row = &policy_file_row_shape,
    .sql = "INSERT INTO offered (name, body) SELECT name, coalesce(body, '') FROM :rows"};

struct sql *runtime_own_sql(const struct statement *statement)
{
    static struct sql *compiled[48];
    for (size_t i = 0; i < COUNT(compiled); i++) {
        if (compiled[i] == NULL) compiled[i] = sql_compile(statement, NULL);
        if (sql_statement(compiled[i]) == statement) return compiled[i];
    }
    assert(!"room for every statement of the runtime");
    return NULL;
}
