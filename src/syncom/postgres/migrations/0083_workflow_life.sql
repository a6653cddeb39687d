-- Workflows that come to their end: everybody inside leaves when they are stopped, or comes to an end of its own when they
-- are drained.

ALTER TABLE workflows ADD COLUMN IF NOT EXISTS emptying boolean NOT NULL DEFAULT false;  -- stopped, and some are inside still
-- The keeper asks for these at every look; there are few.
CREATE INDEX IF NOT EXISTS workflows_ending ON workflows (workflow_id) WHERE emptying OR status = 'draining';

-- Which step queued a message (NULL: of a release before this), and the messages of a workflow in a period.
ALTER TABLE workflow_messages ADD COLUMN IF NOT EXISTS version integer;
ALTER TABLE workflow_messages ADD COLUMN IF NOT EXISTS step smallint;
CREATE INDEX IF NOT EXISTS workflow_messages_workflow ON workflow_messages (account_id, workflow_id, queued_at);

ALTER TABLE workflows ADD COLUMN IF NOT EXISTS draft_version integer;                    -- the version the draft began from
