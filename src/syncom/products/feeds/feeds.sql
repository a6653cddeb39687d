-- Statements of product feeds. A row is: feed_id, account_id, definition, enabled, created_at, next_at, last_run_at,
-- last_result, last_error, failures, secret, applied, fence.

-- name: add
INSERT INTO product_feeds (account_id, name, definition, next_at)
VALUES (%(account_id)s, %(name)s, %(definition)s::jsonb, %(next_at)s)
ON CONFLICT (account_id, name) DO NOTHING
RETURNING feed_id, account_id, definition, enabled, created_at, next_at, last_run_at, last_result, last_error, failures,
    secret, applied, fence;

-- name: update
-- What was applied is forgotten: the file is read again, whatever it was.
UPDATE product_feeds SET name = %(name)s, definition = %(definition)s::jsonb, next_at = %(next_at)s, applied = NULL,
    failures = 0
WHERE account_id = %(account_id)s AND feed_id = %(feed_id)s
RETURNING feed_id, account_id, definition, enabled, created_at, next_at, last_run_at, last_result, last_error, failures,
    secret, applied, fence;

-- name: save_secret
UPDATE product_feeds SET secret = %(secret)s WHERE account_id = %(account_id)s AND feed_id = %(feed_id)s;

-- name: list
-- Index: unique key of product_feeds.
SELECT feed_id, account_id, definition, enabled, created_at, next_at, last_run_at, last_result, last_error, failures,
    secret, applied, fence
FROM product_feeds WHERE account_id = %(account_id)s ORDER BY feed_id;

-- name: get
-- Primary key.
SELECT feed_id, account_id, definition, enabled, created_at, next_at, last_run_at, last_result, last_error, failures,
    secret, applied, fence
FROM product_feeds WHERE account_id = %(account_id)s AND feed_id = %(feed_id)s;

-- name: enable
UPDATE product_feeds SET enabled = %(enabled)s, next_at = %(next_at)s, failures = 0
WHERE account_id = %(account_id)s AND feed_id = %(feed_id)s
RETURNING feed_id, account_id, definition, enabled, created_at, next_at, last_run_at, last_result, last_error, failures,
    secret, applied, fence;

-- name: remove
DELETE FROM product_feeds WHERE account_id = %(account_id)s AND feed_id = %(feed_id)s;

-- name: lease_due
-- One that is due and nobody's; it is the caller's until the lease ends. Index: product_feeds_due.
UPDATE product_feeds SET lease_until = %(until)s, fence = fence + 1 WHERE feed_id = (
    SELECT feed_id FROM product_feeds
    WHERE enabled AND next_at <= %(now)s AND (lease_until IS NULL OR lease_until < %(now)s)
    ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING feed_id, account_id, definition, enabled, created_at, next_at, last_run_at, last_result, last_error, failures,
    secret, applied, fence;

-- name: lease
-- The same for one that somebody asks for now.
UPDATE product_feeds SET lease_until = %(until)s, fence = fence + 1
WHERE account_id = %(account_id)s AND feed_id = %(feed_id)s AND (lease_until IS NULL OR lease_until < %(now)s)
RETURNING feed_id, account_id, definition, enabled, created_at, next_at, last_run_at, last_result, last_error, failures,
    secret, applied, fence;

-- name: hold
-- Keep the lease of a run that takes long. No row: it was lost.
UPDATE product_feeds SET lease_until = %(until)s
WHERE account_id = %(account_id)s AND feed_id = %(feed_id)s AND fence = %(fence)s RETURNING feed_id;

-- name: applied
UPDATE product_feeds SET applied = %(applied)s::jsonb
WHERE account_id = %(account_id)s AND feed_id = %(feed_id)s;

-- name: read_others_again
-- Products went that another feed may have as well: what it had is read again.
UPDATE product_feeds SET applied = NULL WHERE account_id = %(account_id)s AND feed_id <> %(feed_id)s;

-- name: finished
UPDATE product_feeds SET lease_until = NULL, next_at = %(next_at)s, last_run_at = %(run_at)s,
    last_result = coalesce(%(result)s::jsonb, last_result), last_error = %(error)s,
    failures = CASE WHEN %(error)s::text IS NULL THEN 0 ELSE failures + 1 END
WHERE account_id = %(account_id)s AND feed_id = %(feed_id)s AND fence = %(fence)s;
