-- A running job is no alarm: most come and go within milliseconds, and while a snapshot is held whoever looks for what is due would
-- walk past all that have gone.
DROP INDEX alarm_due;
CREATE INDEX alarm_due ON alarm (partition, due_at) WHERE NOT running;
CREATE INDEX alarm_running ON alarm (partition, due_at) WHERE running;
