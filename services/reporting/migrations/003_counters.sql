-- A counter is a topic's count, changed by whoever writes the feed. What was counted and not yet published enters the feed here.
CREATE TABLE unsaid AS
    SELECT c.topic, c.n, s.head + row_number() OVER (ORDER BY c.topic) AS seq
    FROM topic_count AS c CROSS JOIN feed_state AS s LEFT JOIN topic AS t ON t.topic = c.topic WHERE t.count IS DISTINCT FROM c.n;
INSERT INTO feed (seq, topic, count, at) SELECT seq, topic, n, now_us() FROM unsaid;
INSERT INTO topic AS t (topic, seq, count, at) SELECT topic, seq, n, now_us() FROM unsaid
    ON CONFLICT (topic) DO UPDATE SET seq = excluded.seq, count = excluded.count, at = excluded.at;
UPDATE feed_state SET head = greatest(head, (SELECT max(seq) FROM unsaid));
DROP TABLE topic_count, unsaid;
