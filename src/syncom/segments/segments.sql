-- name: insert
-- One row: the new segment. Index: segments_name refuses a taken name.
INSERT INTO segments (account_id, name, condition)
VALUES (%(account_id)s, %(name)s, %(condition)s)
RETURNING segment_id, name, condition, created_at, updated_at;

-- name: update
UPDATE segments SET name = %(name)s, condition = %(condition)s, updated_at = now()
WHERE account_id = %(account_id)s AND segment_id = %(segment_id)s
RETURNING segment_id, name, condition, created_at, updated_at;

-- name: select
-- All segments of an account, or those named by ids when given.
SELECT segment_id, name, condition, created_at, updated_at FROM segments
WHERE account_id = %(account_id)s AND (%(ids)s::bigint[] IS NULL OR segment_id = ANY(%(ids)s))
ORDER BY segment_id;

-- name: delete
DELETE FROM segments WHERE account_id = %(account_id)s AND segment_id = %(segment_id)s;
