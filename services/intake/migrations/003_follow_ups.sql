-- Follow-ups are found by where they come from, not by reading all that a ticket has, and a ticket knows how many notes there are.
ALTER TABLE ticket ADD COLUMN notes bigint NOT NULL DEFAULT 0;
UPDATE ticket SET notes = n.notes FROM (SELECT ticket, count(*) AS notes FROM note GROUP BY ticket) AS n WHERE ticket.id = n.ticket;

-- The first eight bytes of the SHA-256 of "ticket/source/source_id": on_follow_up.c makes the same number. (convert_to() would not be
-- immutable; a backslash doubled is a backslash.)
ALTER TABLE note ADD COLUMN origin bigint GENERATED ALWAYS AS (('x' || encode(substr(sha256(decode(
    replace(ticket::text || '/' || source || '/' || source_id, '\', '\\'), 'escape')), 1, 8), 'hex'))::bit(64)::bigint) STORED;
CREATE INDEX note_origin ON note (origin) WHERE origin IS NOT NULL;
