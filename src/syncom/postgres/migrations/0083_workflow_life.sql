-- Workflows that come to their end: everybody inside leaves when they are stopped, or comes to an end of its own when they
-- are drained.

ALTER TABLE workflows ADD COLUMN IF NOT EXISTS emptying boolean NOT NULL DEFAULT false;  -- stopped, and some are inside still
-- The keeper asks for these at every look; there are few.
CREATE INDEX IF NOT EXISTS workflows_ending ON workflows (workflow_id) WHERE emptying OR status = 'draining';
