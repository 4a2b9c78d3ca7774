-- Facts about tickets, clocks, messages, contacts and staff; live counters; the feed.

CREATE TABLE ticket_fact (
    ticket bigint PRIMARY KEY,
    contact bigint,
    kind text,
    topic text,
    channel text,
    org_unit text,
    class text,
    state text,
    priority bigint,
    department text,
    owner text,
    handler text,
    queue text,
    round bigint,
    answered boolean,
    received_at timestamptz,
    assigned_at timestamptz,
    replied_at timestamptz,
    result_due_at timestamptz,
    result_at timestamptz,
    satisfied_at timestamptz,
    closed_at timestamptz,
    exit text,
    reason text,
    ended text GENERATED ALWAYS AS (CASE WHEN closed_at IS NOT NULL THEN state END) STORED
) WITH (fillfactor = 60);

-- From a number to its tickets. While a ticket is open only its key is indexed, so that most changes touch no index: the open ones are few.
CREATE INDEX ticket_fact_open ON ticket_fact (ticket) WHERE closed_at IS NULL;
CREATE INDEX ticket_fact_ended ON ticket_fact (kind, ended, ticket) WHERE ended IS NOT NULL;
CREATE INDEX ticket_fact_exit ON ticket_fact (exit, coalesce(reason, 'none'), ticket) WHERE exit IS NOT NULL;

-- The facts of a period.
CREATE INDEX ticket_fact_complained ON ticket_fact (received_at) WHERE kind = 'complaint';
CREATE INDEX ticket_fact_result_due ON ticket_fact (result_due_at) WHERE result_due_at IS NOT NULL;
CREATE INDEX ticket_fact_result ON ticket_fact (result_at) WHERE result_at IS NOT NULL;
CREATE INDEX ticket_fact_satisfied ON ticket_fact (satisfied_at) WHERE satisfied_at IS NOT NULL;
CREATE INDEX ticket_fact_assigned ON ticket_fact (assigned_at) WHERE assigned_at IS NOT NULL;

CREATE TABLE clock_fact (
    clock bigint PRIMARY KEY,
    ticket bigint NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    round bigint NOT NULL,
    verdict text NOT NULL,
    started_at timestamptz,
    due_at timestamptz NOT NULL,
    stopped_at timestamptz
) WITH (fillfactor = 80);
CREATE INDEX clock_fact_due ON clock_fact (due_at);
CREATE INDEX clock_fact_verdict ON clock_fact (name, verdict, ticket);

CREATE TABLE message_fact (message bigint PRIMARY KEY, ticket bigint NOT NULL, state text NOT NULL);
CREATE INDEX message_fact_state ON message_fact (state, ticket) WHERE state <> 'sent';

CREATE TABLE contact_fact (contact bigint PRIMARY KEY, at timestamptz NOT NULL, channel text NOT NULL);
CREATE INDEX contact_fact_at ON contact_fact (at);

CREATE TABLE staff_fact (staff text PRIMARY KEY, active boolean NOT NULL, on_duty boolean NOT NULL);

-- As many rows as there are topics. Changes and "published" travel by one statement in one order, so nobody deadlocks.
CREATE TABLE topic_count (
    topic text PRIMARY KEY,
    n bigint NOT NULL,
    version bigint NOT NULL,
    published bigint NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX topic_count_changed ON topic_count (topic) WHERE version <> published;

-- Bytes, not words: a prefix of topics is a range in every locale.
CREATE TABLE topic (
    topic text COLLATE "C" PRIMARY KEY,
    seq bigint NOT NULL,
    value double precision,
    count bigint NOT NULL,
    of bigint,
    p50 double precision,
    p90 double precision,
    at timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

CREATE TABLE feed (
    seq bigint PRIMARY KEY,
    topic text NOT NULL,
    value double precision,
    count bigint NOT NULL,
    of bigint,
    p50 double precision,
    p90 double precision,
    at timestamptz NOT NULL
);

CREATE TABLE feed_state (
    feed text PRIMARY KEY,
    head bigint NOT NULL,
    zone text NOT NULL,
    refreshed_at timestamptz,
    wait_ms bigint NOT NULL
);
INSERT INTO feed_state (feed, head, zone, wait_ms) VALUES ('feed', 0, 'Asia/Shanghai', 1000);
