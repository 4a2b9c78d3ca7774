-- PostgreSQL reads, plans and compiles each CHECK and each generated column anew in every statement that writes the table: for a lone
-- message that was a quarter of the INSERT. `noted` is written by the statements themselves (store.c); what the CHECKs said of several
-- columns together is asserted where a message is first written (post.c), the words for states are constants.
ALTER TABLE message ALTER COLUMN noted DROP EXPRESSION;
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = 'message'::regclass LOOP
        EXECUTE format('ALTER TABLE message DROP CONSTRAINT %I', name);
    END LOOP;
END $$;
