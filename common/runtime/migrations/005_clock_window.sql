-- A stretch of time that the test clock shows at once: what happens in it has the time of its message.
-- Without one everything happens at the instant that the clock shows.
ALTER TABLE test_clock ADD COLUMN window_from timestamptz, ADD COLUMN window_to timestamptz,
    ADD CHECK ((window_from IS NULL) = (window_to IS NULL) AND window_from < window_to);
