-- Statements of pulls. A row is: pull_id, account_id, definition, enabled, created_at, next_at, since, last_run_at,
-- last_run_id, last_result, last_error, failures.

-- name: add
INSERT INTO pulls (account_id, connection_id, name, definition, next_at)
VALUES (%(account_id)s, %(connection_id)s, %(name)s, %(definition)s::jsonb, %(next_at)s)
RETURNING pull_id, account_id, definition, enabled, created_at, next_at, since, last_run_at, last_run_id, last_result,
    last_error, failures

-- name: list
-- Index: unique key of pulls.
SELECT pull_id, account_id, definition, enabled, created_at, next_at, since, last_run_at, last_run_id, last_result,
    last_error, failures
FROM pulls WHERE account_id = %(account_id)s ORDER BY pull_id

-- name: get
SELECT pull_id, account_id, definition, enabled, created_at, next_at, since, last_run_at, last_run_id, last_result,
    last_error, failures
FROM pulls WHERE account_id = %(account_id)s AND pull_id = %(pull_id)s

-- name: enable
UPDATE pulls SET enabled = %(enabled)s, next_at = %(next_at)s, failures = 0
WHERE account_id = %(account_id)s AND pull_id = %(pull_id)s
RETURNING pull_id, account_id, definition, enabled, created_at, next_at, since, last_run_at, last_run_id, last_result,
    last_error, failures

-- name: remove
DELETE FROM pulls WHERE account_id = %(account_id)s AND pull_id = %(pull_id)s

-- name: lease
-- Pulls that are due and nobody's; they are the caller's until the lease ends. Index: pulls_due.
UPDATE pulls SET lease_until = %(until)s WHERE pull_id = ANY (ARRAY(
    SELECT pull_id FROM pulls
    WHERE enabled AND next_at <= %(now)s AND (lease_until IS NULL OR lease_until < %(now)s)
    ORDER BY next_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
))
RETURNING pull_id, account_id, definition, enabled, created_at, next_at, since, last_run_at, last_run_id, last_result,
    last_error, failures

-- name: lease_one
-- The same for one that somebody asks for now.
UPDATE pulls SET lease_until = %(until)s
WHERE account_id = %(account_id)s AND pull_id = %(pull_id)s AND (lease_until IS NULL OR lease_until < %(now)s)
RETURNING pull_id

-- name: hold
-- Keep the lease of a pull that takes long.
UPDATE pulls SET lease_until = %(until)s WHERE pull_id = %(pull_id)s

-- name: finished
UPDATE pulls SET lease_until = NULL, next_at = %(next_at)s, since = coalesce(%(since)s, since),
    last_run_at = %(run_at)s, last_run_id = coalesce(%(run_id)s, last_run_id),
    last_result = coalesce(%(result)s::jsonb, last_result), last_error = %(error)s,
    failures = CASE WHEN %(error)s::text IS NULL THEN 0 ELSE failures + 1 END
WHERE account_id = %(account_id)s AND pull_id = %(pull_id)s
