-- A letter keeps what it needs to be run again as it was: its trace and, of a job's result, how many
-- runs it took. `parks`: later messages of its key wait behind it. A letter that is `dead` waits for
-- somebody to mend what it failed at; one that is `parked` waits for those before it, or for nothing:
-- then it is run.
ALTER TABLE dead_letter ADD COLUMN trace text,
    ADD COLUMN attempt integer NOT NULL DEFAULT 0,
    ADD COLUMN parks boolean NOT NULL DEFAULT true;
CREATE INDEX dead_letter_waits ON dead_letter (partition, key, dead) WHERE parks OR state = 'parked';
