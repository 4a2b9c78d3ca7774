-- One row for each event heard: a second one for the same event is an error that a test sees.
CREATE TABLE effect (key text NOT NULL, n bigint NOT NULL, cause text NOT NULL, PRIMARY KEY (key, n, cause));
CREATE TABLE counted (key text PRIMARY KEY, count bigint NOT NULL CHECK (count < 1000000), last bigint NOT NULL);
