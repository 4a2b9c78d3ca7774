-- What the clocks must know of a ticket.
CREATE TABLE ticket_copy (
    ticket bigint PRIMARY KEY,
    kind text NOT NULL,
    state text NOT NULL,
    org_unit text NOT NULL,
    department text,
    owner text,
    handler text,
    class text,
    round bigint NOT NULL,
    received_at timestamptz NOT NULL,
    repeated boolean NOT NULL,
    promised_at timestamptz,
    handled_at timestamptz,
    kept_at timestamptz,
    ended_at timestamptz
) WITH (fillfactor = 80);

-- Every clock of every ticket. Reached by its ticket, or by (name, ticket) for audits; never scanned.
CREATE TABLE clock (
    id bigint PRIMARY KEY,
    ticket bigint NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    round bigint NOT NULL,
    policy bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'paused', 'ended')),
    verdict text CHECK (verdict IN ('met', 'breached', 'none')),
    breached boolean NOT NULL,
    base text NOT NULL,
    calendar text NOT NULL,
    allowed bigint NOT NULL CHECK (allowed >= 0),
    limit_n bigint NOT NULL,
    limit_unit text NOT NULL,
    levels bigint NOT NULL,
    started_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    stopped_at timestamptz,
    paused_at timestamptz,
    started_by text NOT NULL,
    stopped_by text,
    CHECK ((state = 'ended') = (verdict IS NOT NULL)),
    CHECK ((state = 'ended') = (stopped_at IS NOT NULL)),
    CHECK ((state = 'paused') = (paused_at IS NOT NULL))
) WITH (fillfactor = 60);
CREATE INDEX clock_by_ticket ON clock (ticket);
CREATE INDEX clock_by_name ON clock (name, ticket, id);

-- Stretches of waiting for the customer.
CREATE TABLE pause (
    clock bigint NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    ticket bigint NOT NULL,
    PRIMARY KEY (clock, from_at)
);
CREATE INDEX pause_by_ticket ON pause (ticket);

-- Replies that notification reported, held against clocks that are heard of later.
CREATE TABLE customer_reply (
    ticket bigint NOT NULL,
    at timestamptz NOT NULL,
    person text NOT NULL,
    gives text NOT NULL,
    next_at timestamptz,
    PRIMARY KEY (ticket, at, person)
);
