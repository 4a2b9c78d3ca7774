-- A load is written anew by every dispatch, and read by every batch. By its number the newest is found first, however many dead ones
-- a held snapshot keeps behind it.
ALTER TABLE staff_load DROP CONSTRAINT staff_load_pkey, ADD PRIMARY KEY (staff, taken);
