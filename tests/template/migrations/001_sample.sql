CREATE TABLE note (key text PRIMARY KEY, note text NOT NULL, count bigint NOT NULL);
