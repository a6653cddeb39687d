-- Statements of the workspace webhook: what became of connections, for the workspace's owner. As the system.

-- name: tell
-- For whoever is told; as the connection is at the end of this transaction so far.
INSERT INTO connection_news (account_id, event, connection, happened_at)
SELECT c.account_id, %(event)s,
       jsonb_build_object(
           'id', c.connection_id, 'integrationId', coalesce(i.integration_id, c.connector_id),
           'integrationKey', coalesce(i.key, k.key), 'name', c.name, 'disconnected', c.state <> 'READY',
           'customerId', c.tenant_id),
       c.updated_at
FROM connections c
JOIN connection_webhooks w USING (account_id)
JOIN connectors k USING (connector_id)
LEFT JOIN LATERAL (
    SELECT integration_id, key FROM integrations
    WHERE account_id = c.account_id AND connector_id = c.connector_id AND archived_at IS NULL
    ORDER BY created_at LIMIT 1
) i ON true
WHERE c.account_id = %(account_id)s AND c.connection_id = %(connection_id)s;

-- name: lock
-- Whether it works, held until the transaction ends.
SELECT state = 'READY', archived_at IS NOT NULL FROM connections
WHERE account_id = %(account_id)s AND connection_id = %(connection_id)s
FOR UPDATE;

-- name: works
SELECT state = 'READY' FROM connections WHERE account_id = %(account_id)s AND connection_id = %(connection_id)s;

-- name: webhook
SELECT url, failures, next_attempt_at, last_error, last_error_at, last_delivered_at,
       (SELECT count(*) FROM connection_news n WHERE n.account_id = w.account_id) AS waiting
FROM connection_webhooks w WHERE account_id = %(account_id)s;

-- name: set_webhook
-- Another address is tried at once with everything that waits.
INSERT INTO connection_webhooks (account_id, url) VALUES (%(account_id)s, %(url)s)
ON CONFLICT (account_id) DO UPDATE SET url = excluded.url, failures = 0, next_attempt_at = now(), last_error = '';

-- name: remove_webhook
-- With what waits.
DELETE FROM connection_webhooks WHERE account_id = %(account_id)s;

-- name: lease
-- Workspaces whose time has come and that have something to be told, each for one process alone.
WITH due AS (
    SELECT w.account_id FROM connection_webhooks w
    WHERE w.next_attempt_at <= %(now)s AND w.leased_until <= %(now)s
      AND EXISTS (SELECT FROM connection_news n WHERE n.account_id = w.account_id)
    ORDER BY w.next_attempt_at LIMIT %(limit)s
    FOR UPDATE OF w SKIP LOCKED
)
UPDATE connection_webhooks w SET leased_until = %(until)s, fence = w.fence + 1
FROM due WHERE w.account_id = due.account_id
RETURNING w.account_id, w.url, w.failures, w.fence;

-- name: oldest
-- What is told next. Index: connection_news_account.
SELECT news_id, event, connection, happened_at FROM connection_news
WHERE account_id = %(account_id)s
ORDER BY news_id LIMIT %(limit)s;

-- name: delivered
-- No row: the lease was lost, or the webhook is gone.
UPDATE connection_webhooks SET failures = 0, last_error = '', last_delivered_at = %(now)s
WHERE account_id = %(account_id)s AND fence = %(fence)s
RETURNING account_id;

-- name: forget
DELETE FROM connection_news WHERE account_id = %(account_id)s AND news_id = %(news_id)s;

-- name: release
UPDATE connection_webhooks SET leased_until = '-infinity'
WHERE account_id = %(account_id)s AND fence = %(fence)s;

-- name: failed
UPDATE connection_webhooks SET
    leased_until = '-infinity', failures = failures + 1, next_attempt_at = %(next_attempt_at)s,
    last_error = %(problem)s, last_error_at = %(now)s
WHERE account_id = %(account_id)s AND fence = %(fence)s
RETURNING account_id;

-- name: give_up
DELETE FROM connection_news WHERE account_id = %(account_id)s AND happened_at < %(before)s
RETURNING news_id;
