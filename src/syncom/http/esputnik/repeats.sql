-- name: claim
-- One row: nobody sent this request in the last minute. Index: recent_requests' primary key.
INSERT INTO recent_requests AS known (account_id, request_hash, expires_at)
VALUES (%(account_id)s, %(request_hash)s, now() + %(seconds)s * interval '1 second')
ON CONFLICT (account_id, request_hash) DO UPDATE SET expires_at = excluded.expires_at WHERE known.expires_at <= now()
RETURNING 1;

-- name: forget
DELETE FROM recent_requests WHERE account_id = %(account_id)s AND request_hash = %(request_hash)s;

-- name: remove_old
-- Index: recent_requests_expired.
DELETE FROM recent_requests WHERE expires_at <= now();
