-- Workflows that start each other: how many events that steps recorded led, one from the other, to this one, without any
-- time passing in between. What has no end is stopped by it (workflows/steps/happenings.py).
ALTER TABLE followed_events ADD COLUMN IF NOT EXISTS chain smallint NOT NULL DEFAULT 0;
ALTER TABLE enrolments ADD COLUMN IF NOT EXISTS chain smallint NOT NULL DEFAULT 0;      -- of what moved the journey last
