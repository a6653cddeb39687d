-- Statements of incoming webhooks. Their table holds credentials, so tenants have no part in it.

-- name: insert
INSERT INTO bounce_hooks (account_id, provider, name, path_hash, topics)
VALUES (%(account_id)s, %(provider)s, %(name)s, %(path_hash)s, %(topics)s)
RETURNING hook_id;

-- name: save_secret
UPDATE bounce_hooks SET secret = %(secret)s WHERE hook_id = %(hook_id)s;

-- name: select
-- Oldest first. Index: bounce_hooks_account.
SELECT hook_id, account_id, provider, name, topics, is_confirmed, received, last_received_at, problem, created_at
FROM bounce_hooks
WHERE account_id = %(account_id)s AND (%(hook_id)s::bigint IS NULL OR hook_id = %(hook_id)s)
ORDER BY hook_id;

-- name: count
SELECT count(*) FROM bounce_hooks WHERE account_id = %(account_id)s;

-- name: find
-- By the end of its address. Index: its unique key.
SELECT hook_id, account_id, provider, topics, secret FROM bounce_hooks WHERE path_hash = %(path_hash)s;

-- name: delete
DELETE FROM bounce_hooks WHERE account_id = %(account_id)s AND hook_id = %(hook_id)s RETURNING 1;

-- name: heard
UPDATE bounce_hooks SET received = received + %(reports)s, last_received_at = %(now)s, problem = ''
WHERE hook_id = %(hook_id)s;

-- name: refused
-- Only what is new, so that a flood of forged requests writes nothing.
UPDATE bounce_hooks SET problem = %(problem)s
WHERE hook_id = %(hook_id)s AND problem <> %(problem)s;

-- name: confirmed
UPDATE bounce_hooks SET is_confirmed = true, problem = '' WHERE hook_id = %(hook_id)s;

-- name: use_token
-- One row when the token was not used before.
INSERT INTO bounce_hook_tokens (hook_id, token_hash, expires_at) VALUES (%(hook_id)s, %(token)s, %(expires_at)s)
ON CONFLICT DO NOTHING RETURNING 1;

-- name: forget_tokens
DELETE FROM bounce_hook_tokens WHERE expires_at < %(now)s;
