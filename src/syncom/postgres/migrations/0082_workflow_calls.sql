-- Calls of workflows are made: by whom, how often, and where the journey was that waits for the answer.

ALTER TABLE workflow_calls ADD COLUMN IF NOT EXISTS turn integer NOT NULL DEFAULT 0;      -- of the journey that waits
ALTER TABLE workflow_calls ADD COLUMN IF NOT EXISTS target text NOT NULL DEFAULT '';      -- host, or connection
ALTER TABLE workflow_calls ADD COLUMN IF NOT EXISTS begun_at timestamptz;                 -- the first attempt
ALTER TABLE workflow_calls ADD COLUMN IF NOT EXISTS failures smallint NOT NULL DEFAULT 0; -- attempts since, all failed
ALTER TABLE workflow_calls ADD COLUMN IF NOT EXISTS tries integer NOT NULL DEFAULT 0;     -- attempts in all whose end is known
ALTER TABLE workflow_calls ADD COLUMN IF NOT EXISTS changes integer NOT NULL DEFAULT 0;   -- how often the request became another
COMMENT ON COLUMN workflow_calls.next_at IS 'When it is due; while somebody makes it, when its lease ends';
COMMENT ON COLUMN workflow_calls.leased_until IS 'Of who makes it, or did when its process ended: its outcome is not known';

-- Due calls target by target, so that a slow one is passed over.
DROP INDEX IF EXISTS workflow_calls_due;
CREATE INDEX IF NOT EXISTS workflow_calls_target ON workflow_calls (account_id, target, next_at) WHERE state = 1;
CREATE INDEX IF NOT EXISTS workflow_calls_time ON workflow_calls USING brin (made_at);
