-- Carts that are done with, and whose message a message is, are kept for days that an account chooses (retention/).
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS keep_carts_days integer NOT NULL DEFAULT 0;

-- Of messages from before this column: now, so that they stay as long as any.
ALTER TABLE workflow_messages ADD COLUMN IF NOT EXISTS queued_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX IF NOT EXISTS workflow_messages_time ON workflow_messages USING brin (queued_at);
