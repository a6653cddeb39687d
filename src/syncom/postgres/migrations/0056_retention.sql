-- How long facts are kept (retention/). 0: for ever. Rows go with the month in which they lie.
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS keep_ledger_days integer NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS keep_activity_days integer NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS keep_events_days integer NOT NULL DEFAULT 0;
-- What was sent before is not in the ledger any more; NULL: nothing was taken out of it. What is left of those messages
-- elsewhere (engagements) is not found through the ledger.
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS ledger_kept_from timestamptz;
