-- name: begin
-- One row when the key is new (or older than a day); none when somebody was first.
INSERT INTO idempotency_keys (account_id, key, request_hash) VALUES (%(account_id)s, %(key)s, %(request_hash)s)
ON CONFLICT (account_id, key) DO UPDATE
    SET request_hash = excluded.request_hash, answer = NULL, created_at = now()
    WHERE idempotency_keys.created_at < now() - interval '24 hours'
RETURNING key;

-- name: find
SELECT request_hash, answer FROM idempotency_keys WHERE account_id = %(account_id)s AND key = %(key)s;

-- name: finish
UPDATE idempotency_keys SET answer = %(answer)s WHERE account_id = %(account_id)s AND key = %(key)s;

-- name: forget
DELETE FROM idempotency_keys WHERE account_id = %(account_id)s AND key = %(key)s;

-- name: remove_old
DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours';
