-- name: add_token
INSERT INTO contact_tokens (token_hash, account_id, contact_id, expires_at)
VALUES (%(token_hash)s, %(account_id)s, %(contact_id)s, now() + %(seconds)s * interval '1 second')

-- name: use_token
-- The old token lives on for a moment, for requests that are under way with it. Primary key.
UPDATE contact_tokens SET expires_at = least(expires_at, now() + %(grace)s * interval '1 second')
WHERE token_hash = %(token_hash)s AND expires_at > now()
RETURNING account_id, contact_id

-- name: forget_tokens
-- Index contact_tokens_expired.
DELETE FROM contact_tokens WHERE expires_at <= now()
