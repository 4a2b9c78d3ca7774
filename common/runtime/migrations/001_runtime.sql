-- The runtime's own tables, the same in every service's schema. search_path is the schema.

-- The test clock: at most one row; without it the clock is the database's.
CREATE TABLE test_clock (one boolean PRIMARY KEY DEFAULT true CHECK (one), at timestamptz NOT NULL);

-- plpgsql keeps its plan for the session; a function in SQL would be planned anew by every statement.
CREATE FUNCTION now_us() RETURNS timestamptz LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
    RETURN coalesce((SELECT at FROM test_clock), clock_timestamp());
END $$;

-- The journal: a log. Whoever sees seq = n in a partition sees everything before it in that partition.
CREATE SEQUENCE journal_seq CACHE 1;
CREATE TABLE journal_self (id uuid PRIMARY KEY DEFAULT gen_random_uuid());
INSERT INTO journal_self DEFAULT VALUES;
CREATE TABLE journal (
    partition smallint NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    type text NOT NULL,
    version smallint NOT NULL,
    key text NOT NULL,
    cause text NOT NULL,
    trace text,
    body bytea NOT NULL,
    PRIMARY KEY (partition, seq)
) PARTITION BY RANGE (seq);

-- Everybody but the table's owner, who alone may make tables and change them, can add rows and read them, no more.
CREATE FUNCTION add_only(wanted regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    role text;
BEGIN
    FOR role IN SELECT DISTINCT a.grantee::regrole FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = wanted AND a.grantee NOT IN (0, c.relowner) LOOP
        EXECUTE format('REVOKE UPDATE, DELETE ON %s FROM %s', wanted, role);
    END LOOP;
END $$;

-- Ranges of five million events are made ahead; retention drops whole ranges. A service is not the owner of its schema: it does
-- this in the owner's name.
CREATE FUNCTION journal_extend() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    size CONSTANT bigint := 5000000;
    upto bigint := (SELECT last_value FROM journal_seq) + 2 * size;
    low bigint := coalesce((SELECT max(substr(relname, 9)::bigint) + 1 FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname ~ '^journal_[0-9]+$'), 0);
    made integer := 0;
BEGIN
    WHILE low * size < upto LOOP
        EXECUTE format('CREATE TABLE journal_%s PARTITION OF journal FOR VALUES FROM (%s) TO (%s)
            WITH (autovacuum_vacuum_insert_scale_factor = 0.05)', low, low * size, (low + 1) * size);
        PERFORM add_only(format('journal_%s', low)::regclass);
        low := low + 1;
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;
SELECT add_only('journal'), add_only('journal_self'), journal_extend();

-- Lease, fence, offset and inbox in one: insert-only; a duplicate key means somebody else owns the partition now.
CREATE TABLE position (
    partition smallint NOT NULL,
    n bigint NOT NULL,
    owner text NOT NULL,
    seqs text NOT NULL, -- "intake=17 workforce=4"
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (partition, n)
) WITH (autovacuum_vacuum_scale_factor = 0.1);

-- Old rows are deleted, so the primary key alone would let an owner that slept through that write below the last row: the insert
-- looks for a later one.
CREATE FUNCTION fenced(wanted bigint, new_n bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'partition % has moved on from %', wanted, new_n USING ERRCODE = 'KF001';
END $$;

CREATE TABLE member (
    instance text PRIMARY KEY,
    seen_at timestamptz NOT NULL,
    clean boolean NOT NULL
);

-- Messages to one's own future self; jobs are alarms whose work is done outside any transaction.
CREATE TABLE alarm (
    partition smallint NOT NULL,
    name text NOT NULL,
    key text NOT NULL,
    due_at timestamptz NOT NULL,
    attempt integer NOT NULL DEFAULT 0,
    running boolean NOT NULL DEFAULT false, -- a job under way; due_at is then when it is taken for lost
    cause text NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (partition, name, key)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX alarm_due ON alarm (partition, due_at);

-- Kept replies: what a command was answered, for three days.
CREATE TABLE reply (
    principal text NOT NULL,
    id text NOT NULL,
    hash bigint NOT NULL, -- of the command's type and body: the same id with another body is refused
    body bytea NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (principal, id)
);
CREATE INDEX reply_at ON reply USING brin (at);

-- What could not be handled, and what waits behind it under the same key.
CREATE TABLE dead_letter (
    dead bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partition smallint NOT NULL,
    key text NOT NULL,
    state text NOT NULL CHECK (state IN ('dead', 'parked')),
    source text NOT NULL,
    seq bigint NOT NULL,
    type text NOT NULL,
    version smallint NOT NULL,
    at timestamptz NOT NULL,
    cause text NOT NULL,
    body bytea NOT NULL,
    reason text NOT NULL,
    set_aside_at timestamptz NOT NULL
);
CREATE INDEX dead_letter_key ON dead_letter (partition, key, dead);

-- Careful mode: what is being tried, written and committed before it is tried.
CREATE TABLE suspect (
    identity text PRIMARY KEY,
    times integer NOT NULL
);

-- Numbers for plan_new_id() are taken in blocks.
CREATE SEQUENCE id_block CACHE 1;

CREATE TABLE policy_version (version bigint PRIMARY KEY, published_at timestamptz NOT NULL, published_by text NOT NULL);
CREATE TABLE policy_file (
    version bigint NOT NULL REFERENCES policy_version,
    name text NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (version, name)
);
SELECT add_only('policy_version'), add_only('policy_file'), add_only('schema_migration');
