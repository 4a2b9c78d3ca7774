-- Tickets, the steps they took, who may take them, and who waits. Lists of codes are texts joined by commas.

CREATE TABLE ticket (
    id bigint PRIMARY KEY,
    contact bigint NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    policy bigint NOT NULL,
    priority bigint NOT NULL,
    topic text,
    class text,
    channel text NOT NULL,
    org_unit text NOT NULL,
    project text,
    department text,
    owner text,
    handler text,
    assignees text,
    queue text,
    wish bigint NOT NULL,
    round bigint NOT NULL,
    refusals bigint NOT NULL,
    attempts bigint NOT NULL,
    flags text,
    took text,
    held text,
    moves bigint NOT NULL,
    received_at timestamptz NOT NULL,
    promised_at timestamptz,
    customer bigint,
    label text,
    locale text NOT NULL,
    important boolean NOT NULL,
    answered boolean NOT NULL,
    deferred boolean NOT NULL,
    reachable boolean NOT NULL,
    repeat_of bigint,
    linked bigint,
    exit text,
    closed_at timestamptz
) WITH (fillfactor = 75);

-- "What do I hold?"
CREATE INDEX ticket_held ON ticket (handler, id) WHERE closed_at IS NULL;

CREATE TABLE move (
    ticket bigint,
    n bigint,
    step text NOT NULL,
    action text NOT NULL,
    before text,
    after text NOT NULL,
    actor text,
    handler text,
    round bigint NOT NULL,
    at timestamptz NOT NULL,
    fields text,
    PRIMARY KEY (ticket, n)
);

CREATE TABLE note (
    ticket bigint,
    note bigint,
    name text NOT NULL,
    PRIMARY KEY (ticket, note)
);

-- Only what waits now. It is inserted to by many lanes and deleted from by one.
CREATE TABLE waiting (
    ticket bigint,
    wish bigint,
    queue text NOT NULL,
    line text NOT NULL,
    priority bigint NOT NULL,
    arrived timestamptz NOT NULL,
    barred text,
    reason text,
    PRIMARY KEY (ticket, wish)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

CREATE INDEX waiting_order ON waiting (queue, line, priority, arrived, ticket);
-- Those of which nobody was told yet that they wait.
CREATE INDEX waiting_unsaid ON waiting (ticket) WHERE reason IS NULL;

CREATE TABLE queue_line (
    queue text,
    line text,
    PRIMARY KEY (queue, line)
);

CREATE TABLE staff (
    staff text PRIMARY KEY,
    name text NOT NULL,
    unit text NOT NULL,
    department text,
    roles text NOT NULL,
    skills text,
    superior text,
    deputy text,
    most_open bigint,
    active boolean NOT NULL
);

CREATE TABLE duty (
    staff text PRIMARY KEY,
    on_duty boolean NOT NULL,
    roster text,
    since timestamptz NOT NULL
);

CREATE TABLE unit (
    unit text PRIMARY KEY,
    parent text,
    type text NOT NULL
);

CREATE TABLE staff_load (
    staff text PRIMARY KEY,
    taken bigint NOT NULL,
    last_at timestamptz
) WITH (fillfactor = 50);

CREATE TABLE staff_tally (
    staff text PRIMARY KEY,
    net bigint NOT NULL,
    freed_at timestamptz
) WITH (fillfactor = 50);
