-- now_us() without a SET clause: entering and leaving a setting of its own cost more than the look at the clock. The table is named
-- with its schema instead, so that whoever calls it needs no search_path.
DO $$
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION now_us() RETURNS timestamptz LANGUAGE plpgsql STABLE AS $now$
BEGIN
    RETURN coalesce((SELECT at FROM %I.test_clock), clock_timestamp());
END $now$', current_schema());
END $$;
