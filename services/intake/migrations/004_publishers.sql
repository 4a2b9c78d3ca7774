-- A publisher adds to its own tickets only: a ticket knows the source of its contact.
ALTER TABLE ticket ADD COLUMN source text;
UPDATE ticket SET source = c.source FROM contact AS c WHERE c.id = ticket.contact;
