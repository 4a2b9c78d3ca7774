-- What all partitions share: at most `most` takings of each.
CREATE TABLE share (share text PRIMARY KEY, most bigint NOT NULL);
CREATE TABLE taking (share text, key text, PRIMARY KEY (share, key));
