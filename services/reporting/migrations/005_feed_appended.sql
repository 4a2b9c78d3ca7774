-- The feed is only appended to: its head is its last number, a topic's last value its last entry. One row that every batch writes
-- anew, and a dozen for the topics, made readers walk past all their dead versions while a snapshot was held.
ALTER TABLE feed_state DROP COLUMN head;

-- Bytes, not words: a prefix of topics is a range in every locale.
ALTER TABLE feed ALTER COLUMN topic TYPE text COLLATE "C";
INSERT INTO feed (seq, topic, value, count, of, p50, p90, at) SELECT seq, topic, value, count, of, p50, p90, at FROM topic
    ON CONFLICT (seq) DO NOTHING;
CREATE TABLE topic_name (topic text COLLATE "C" PRIMARY KEY);
INSERT INTO topic_name SELECT topic FROM topic;
DROP TABLE topic;

-- By -seq, so that nobody looks for the last entry of a rare topic by walking back through the feed.
CREATE INDEX feed_topic ON feed (topic, (-seq));

CREATE VIEW topic AS SELECT t.topic, f.seq, f.value, f.count, f.of, f.p50, f.p90, f.at
    FROM topic_name AS t CROSS JOIN LATERAL (SELECT * FROM feed WHERE feed.topic = t.topic ORDER BY -feed.seq LIMIT 1) AS f;
