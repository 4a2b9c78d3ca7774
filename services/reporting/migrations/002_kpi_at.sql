-- When the KPIs are to be looked at next: whoever publishes counts need not look whether it is time.
ALTER TABLE feed_state ADD COLUMN kpi_at timestamptz;
