-- Runs: what a second call with the same key is answered, and what a replay sends. Both may hold what people may not
-- see, so they are sealed and out of the record that is read.
ALTER TABLE action_runs ADD COLUMN IF NOT EXISTS idempotency_key text;
ALTER TABLE action_runs ADD COLUMN IF NOT EXISTS fingerprint bytea;     -- of connection, action and input: a keyed hash
ALTER TABLE action_runs ADD COLUMN IF NOT EXISTS sealed_input bytea;
ALTER TABLE action_runs ADD COLUMN IF NOT EXISTS sealed_output bytea;   -- only with an idempotency key, for a day

CREATE UNIQUE INDEX IF NOT EXISTS action_runs_key ON action_runs (account_id, tenant_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
-- Those under way: few, and looked for by whoever sweeps.
CREATE INDEX IF NOT EXISTS action_runs_running ON action_runs (started_at) WHERE status = 'running';
