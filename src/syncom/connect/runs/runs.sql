-- Statements of runs. Those on behalf of a caller work as its account, and name its tenant.

-- name: free_key
-- A key is good for a day; after that it may be used anew. Index: action_runs_key.
UPDATE action_runs SET idempotency_key = NULL, sealed_output = NULL
WHERE account_id = %(account_id)s AND tenant_id = %(tenant_id)s AND idempotency_key = %(idempotency_key)s
  AND started_at < %(since)s;

-- name: begin
-- No row: the key is taken. Index: action_runs_key.
INSERT INTO action_runs (run_id, account_id, tenant_id, connection_id, action_id, action_key, name, status, actor, input,
                         meta, dry_run, replay_of, started_at, idempotency_key, fingerprint, sealed_input)
VALUES (%(run_id)s, %(account_id)s, %(tenant_id)s, %(connection_id)s, %(action_id)s, %(action_key)s, %(name)s, 'running',
        %(actor)s, %(input)s, %(meta)s, %(dry_run)s, %(replay_of)s, %(started_at)s, %(idempotency_key)s,
        %(fingerprint)s, %(sealed_input)s)
ON CONFLICT (account_id, tenant_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
RETURNING run_id;

-- name: finish
UPDATE action_runs
SET status = %(status)s, output = %(output)s, fault = %(fault)s, exchanges = %(exchanges)s, duration = %(duration)s,
    sealed_output = %(sealed_output)s
WHERE account_id = %(account_id)s AND run_id = %(run_id)s;

-- name: same_key
-- The run that took a key. Index: action_runs_key.
SELECT run_id, status, fault, fingerprint, sealed_output, started_at FROM action_runs
WHERE account_id = %(account_id)s AND tenant_id = %(tenant_id)s AND idempotency_key = %(idempotency_key)s;

-- name: select
-- One, or the newest after a place. Index: action_runs_tenant, or the primary key.
SELECT run_id, account_id, tenant_id, connection_id, action_id, action_key, name, status, actor, input, output, fault,
       exchanges, meta, dry_run, replay_of, started_at, duration
FROM action_runs
WHERE account_id = %(account_id)s
  AND (%(tenant_id)s::text IS NULL OR tenant_id = %(tenant_id)s)
  AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
  AND (%(connection_id)s::text IS NULL OR connection_id = %(connection_id)s)
  AND (%(connections)s::text[] IS NULL OR connection_id = ANY(%(connections)s))
  AND (%(status)s::text IS NULL OR status = %(status)s)
  AND (%(before_at)s::timestamptz IS NULL OR (started_at, run_id) < (%(before_at)s, %(before_id)s))
ORDER BY started_at DESC, run_id DESC LIMIT %(limit)s;

-- name: place
SELECT started_at FROM action_runs WHERE account_id = %(account_id)s AND run_id = %(run_id)s;

-- name: sealed_input
SELECT sealed_input FROM action_runs WHERE account_id = %(account_id)s AND run_id = %(run_id)s;

-- name: sweep
-- Runs whose process must have died. Index: action_runs_running.
UPDATE action_runs SET status = 'unknown', fault = %(fault)s WHERE status = 'running' AND started_at < %(since)s;

-- name: forget
-- Index: action_runs_time.
DELETE FROM action_runs WHERE started_at < %(since)s;

-- name: forget_answers
-- Answers kept for repeated calls. Index: action_runs_key.
UPDATE action_runs SET idempotency_key = NULL, sealed_output = NULL
WHERE idempotency_key IS NOT NULL AND started_at < %(since)s;
