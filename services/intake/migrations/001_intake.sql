-- intake: what was said and by whom. bytea columns are sealed (services/intake/vault.h); nothing else may hold personal data.

-- Contacts. (source, source_id) is unique for ever; pages of one source are read in its order.
CREATE TABLE contact (
    id bigint PRIMARY KEY,
    source text COLLATE "C" NOT NULL,
    source_id text COLLATE "C" NOT NULL,
    channel text NOT NULL,
    received_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorder text,
    org_unit text NOT NULL,
    project text,
    customer bigint,
    locale text NOT NULL,
    important boolean NOT NULL,
    person bytea,
    tickets text NOT NULL,
    UNIQUE (source, source_id)
);
CREATE INDEX contact_customer ON contact (customer, recorded_at) WHERE customer IS NOT NULL;

-- One matter of a contact. closed_at is kept of complaints alone.
CREATE TABLE ticket (
    id bigint PRIMARY KEY,
    contact bigint NOT NULL,
    kind text NOT NULL,
    topic text,
    category text,
    class text,
    promised_at timestamptz,
    customer bigint,
    words bytea,
    closed_at timestamptz
) WITH (fillfactor = 95);
CREATE INDEX ticket_closing ON ticket (customer, closed_at) WHERE closed_at IS NOT NULL AND customer IS NOT NULL;

-- The customer file. id comes from hash; hash is keyed.
CREATE TABLE customer (
    id bigint PRIMARY KEY,
    hash bytea NOT NULL,
    person bytea NOT NULL,
    named boolean NOT NULL,
    contacts bigint NOT NULL,
    last_at timestamptz NOT NULL
) WITH (fillfactor = 80);

-- Words that came after the contact.
CREATE TABLE note (
    ticket bigint NOT NULL,
    id bigint NOT NULL,
    name text NOT NULL,
    words bytea NOT NULL,
    by text,
    at timestamptz NOT NULL,
    channel text,
    source text,
    source_id text,
    PRIMARY KEY (ticket, id)
);
