-- Statements of outgoing webhooks. Secrets are here, so everything works as the system, with the account in every statement.

-- name: insert
INSERT INTO webhooks (account_id, name, url, username, header_names, statuses)
VALUES (%(account_id)s, %(name)s, %(url)s, %(username)s, %(header_names)s, %(statuses)s)
RETURNING webhook_id;

-- name: update
-- A changed webhook is tried again at once.
UPDATE webhooks SET name = %(name)s, url = %(url)s, username = %(username)s,
                    header_names = coalesce(%(header_names)s::text[], header_names), statuses = %(statuses)s,
                    failures = 0, next_attempt_at = now(), last_error = ''
WHERE account_id = %(account_id)s AND webhook_id = %(webhook_id)s
RETURNING webhook_id;

-- name: save_secret
UPDATE webhooks SET secret = %(secret)s WHERE webhook_id = %(webhook_id)s;

-- name: secret
SELECT secret FROM webhooks WHERE account_id = %(account_id)s AND webhook_id = %(webhook_id)s;

-- name: select
-- One, or all by age. Index: webhooks_account.
SELECT w.webhook_id, w.account_id, w.name, w.url, w.username, w.header_names, w.statuses, w.is_active, w.failures,
       w.next_attempt_at, w.last_error, w.last_error_at, w.last_delivered_at, w.delivered, w.created_at
FROM webhooks w
WHERE w.account_id = %(account_id)s AND (%(webhook_id)s::bigint IS NULL OR w.webhook_id = %(webhook_id)s)
ORDER BY w.webhook_id;

-- name: count
SELECT count(*) FROM webhooks WHERE account_id = %(account_id)s;

-- name: set_active
-- A webhook that is switched on again is tried at once.
UPDATE webhooks SET is_active = %(is_active)s, failures = 0, next_attempt_at = now()
WHERE account_id = %(account_id)s AND webhook_id = %(webhook_id)s
RETURNING webhook_id;

-- name: delete
DELETE FROM webhooks WHERE account_id = %(account_id)s AND webhook_id = %(webhook_id)s RETURNING webhook_id;

-- name: lease
-- Webhooks whose time has come and that have something to tell, each for one process alone.
WITH due AS (
    SELECT w.webhook_id FROM webhooks w
    WHERE w.is_active AND w.next_attempt_at <= %(now)s AND w.leased_until <= %(now)s
      AND EXISTS (SELECT FROM activity_news n
                  WHERE n.follower_id = w.webhook_id AND n.written_at <= now() - %(rest)s)
    ORDER BY w.next_attempt_at LIMIT %(limit)s
    FOR UPDATE OF w SKIP LOCKED
)
UPDATE webhooks w SET leased_until = %(until)s, fence = w.fence + 1
FROM due, accounts a
WHERE w.webhook_id = due.webhook_id AND a.account_id = w.account_id
RETURNING w.webhook_id, w.account_id, w.url, w.username, w.secret, w.statuses, w.failures, w.fence, a.time_zone;

-- name: delivered
-- No row: the lease was lost, or the webhook is gone.
UPDATE webhooks
SET leased_until = '-infinity', failures = 0, last_error = '', delivered = delivered + %(rows)s,
    last_delivered_at = CASE WHEN %(rows)s > 0 THEN %(now)s ELSE last_delivered_at END
WHERE webhook_id = %(webhook_id)s AND fence = %(fence)s
RETURNING webhook_id;

-- name: failed
UPDATE webhooks
SET leased_until = '-infinity', failures = failures + 1, next_attempt_at = %(next_attempt_at)s,
    last_error = %(problem)s, last_error_at = %(now)s
WHERE webhook_id = %(webhook_id)s AND fence = %(fence)s;
