-- The customer file is written only when it changes: a row that every contact wrote anew had hundreds of dead versions while a snapshot was
-- held, and everybody who knew the customer again walked past them. Nothing read the counts.
ALTER TABLE customer DROP COLUMN contacts, DROP COLUMN last_at,
    ADD COLUMN details bytea; -- a keyed hash of what is sealed in person: has it changed?
