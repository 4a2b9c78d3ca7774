-- A counter is a topic's count, changed by whoever writes the feed. What was counted and not yet published is published with the next change.
UPDATE topic AS t SET count = c.n FROM topic_count AS c WHERE c.topic = t.topic;
INSERT INTO topic (topic, seq, count, at)
    SELECT c.topic, s.head, c.n, now_us() FROM topic_count AS c CROSS JOIN feed_state AS s
    WHERE NOT EXISTS (SELECT FROM topic AS t WHERE t.topic = c.topic);
DROP TABLE topic_count;
