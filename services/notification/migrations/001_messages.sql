-- Every message to a person, from plan to delivery. Never an address or word of a customer.
CREATE TABLE message (
    id bigint PRIMARY KEY,
    ticket bigint NOT NULL,
    key text UNIQUE,
    cause text NOT NULL,
    template text NOT NULL,
    version bigint NOT NULL,
    channel text NOT NULL,
    audience text NOT NULL CHECK (audience IN ('staff', 'customer')),
    recipient text,
    address text,
    subject text NOT NULL,
    body text NOT NULL,
    notes text,
    person text,
    gives text,
    next_at timestamptz,
    state text NOT NULL CHECK (state IN ('planned', 'held', 'sent', 'failed', 'dead', 'suppressed')),
    planned_at timestamptz NOT NULL,
    send_at timestamptz NOT NULL,
    sent_at timestamptz,
    attempts bigint NOT NULL,
    reason text,
    noted text GENERATED ALWAYS AS (CASE WHEN state NOT IN ('planned', 'sent') THEN state END) STORED,
    CHECK ((state = 'suppressed') = (key IS NULL)),
    CHECK (audience = 'staff' OR address IS NULL)
) WITH (fillfactor = 50);
CREATE INDEX message_by_ticket ON message (ticket, id);
-- For lists by state: what needs a look is rare. From planned to sent, the way of most, no index changes.
CREATE INDEX message_noted ON message (noted, id) WHERE noted IS NOT NULL;

-- Calls that somebody has to make.
CREATE TABLE call (
    id bigint PRIMARY KEY,
    ticket bigint NOT NULL,
    caller text NOT NULL,
    purpose text NOT NULL,
    cause text NOT NULL,
    urgency text,
    state text NOT NULL CHECK (state IN ('planned', 'reached', 'unreached')),
    outcome text,
    attempts bigint NOT NULL,
    planned_at timestamptz NOT NULL,
    call_at timestamptz NOT NULL,
    done_at timestamptz
) WITH (fillfactor = 80);
CREATE INDEX call_by_ticket ON call (ticket, id);

-- Own copies of what workforce and routing say.
CREATE TABLE staff (
    staff text PRIMARY KEY,
    name text NOT NULL,
    unit text NOT NULL,
    department text,
    roles text NOT NULL,
    superior text,
    deputy text,
    email text,
    webhook text,
    locale text NOT NULL,
    active boolean NOT NULL
);

CREATE TABLE duty (
    staff text PRIMARY KEY,
    on_duty boolean NOT NULL
);

CREATE TABLE unit (
    unit text PRIMARY KEY,
    parent text,
    type text NOT NULL
);

CREATE TABLE ticket_copy (
    ticket bigint PRIMARY KEY,
    kind text NOT NULL,
    topic text,
    class text,
    state text NOT NULL,
    org_unit text NOT NULL,
    project text,
    department text,
    owner text,
    handler text,
    label text,
    locale text NOT NULL,
    important boolean NOT NULL,
    reachable boolean NOT NULL,
    round bigint NOT NULL,
    received_at timestamptz NOT NULL,
    promised_at timestamptz
) WITH (fillfactor = 80);
