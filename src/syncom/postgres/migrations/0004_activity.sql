-- Activity: exact counters in any order of arrival, and writes that can be repeated.

-- The six first times before the last write (open, click, delivery, bounce, unsubscribe, complaint). A writer reads
-- with RETURNING what it changed, also when another writer was there between (RETURNING old.* needs PostgreSQL 18).
ALTER TABLE engagements ADD COLUMN IF NOT EXISTS previous timestamptz[];

-- The last batch that each writer of hits has committed: a batch that is written again, because its answer was lost
-- or because it comes from a spool file, changes nothing.
CREATE TABLE IF NOT EXISTS activity_writers (
    writer_id   uuid PRIMARY KEY,
    batch       bigint NOT NULL,
    written_at  timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
