-- name: lists
SELECT list_id, name, created_at FROM lists WHERE account_id = %(account_id)s ORDER BY lower(name)

-- name: get_list
SELECT list_id, name, created_at FROM lists WHERE account_id = %(account_id)s AND list_id = %(list_id)s

-- name: lists_of
-- Index list_members_contact.
SELECT l.list_id, l.name FROM list_members m JOIN lists l USING (account_id, list_id)
WHERE m.account_id = %(account_id)s AND m.bucket = %(bucket)s AND m.contact_id = %(contact_id)s
ORDER BY lower(l.name)

-- name: add_list
-- No row: the name is taken (case does not matter).
INSERT INTO lists (account_id, name) VALUES (%(account_id)s, %(name)s)
ON CONFLICT (account_id, lower(name)) DO NOTHING
RETURNING list_id, name, created_at

-- name: find_list
SELECT list_id FROM lists WHERE account_id = %(account_id)s AND lower(name) = lower(%(name)s)

-- name: rename_list
UPDATE lists SET name = %(name)s WHERE account_id = %(account_id)s AND list_id = %(list_id)s
RETURNING list_id, name, created_at

-- name: delete_list
DELETE FROM lists WHERE account_id = %(account_id)s AND list_id = %(list_id)s RETURNING 1

-- name: empty_list
-- One bucket at a time. Primary key of list_members.
DELETE FROM list_members
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND list_id = %(list_id)s

-- name: list_sizes
-- Members of each list: an index-only walk over the account's part of the primary key.
SELECT list_id, count(*) FROM list_members WHERE account_id = %(account_id)s GROUP BY list_id

-- name: list_size
-- Bucket by bucket, so that only this list's part of the primary key is read.
SELECT sum(m.members)::bigint FROM generate_series(0, 255) AS b (bucket)
CROSS JOIN LATERAL (
    SELECT count(*) AS members FROM list_members
    WHERE account_id = %(account_id)s AND bucket = b.bucket::smallint AND list_id = %(list_id)s
) AS m

-- name: add_members
-- Only contacts that exist. Sorted, so that two calls do not wait for each other in a circle.
INSERT INTO list_members (account_id, bucket, list_id, contact_id)
SELECT c.account_id, c.bucket, %(list_id)s, c.contact_id
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
JOIN contacts c ON c.account_id = %(account_id)s AND c.bucket = k.bucket AND c.contact_id = k.contact_id
ORDER BY c.bucket, c.contact_id
ON CONFLICT DO NOTHING

-- name: remove_members
DELETE FROM list_members m
USING unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
WHERE m.account_id = %(account_id)s AND m.bucket = k.bucket AND m.list_id = %(list_id)s
    AND m.contact_id = k.contact_id

-- name: ensure_lists
-- Index lists_name; case does not matter.
INSERT INTO lists (account_id, name)
SELECT DISTINCT ON (lower(n.name)) %(account_id)s, n.name FROM unnest(%(names)s::text[]) AS n (name) ORDER BY lower(n.name)
ON CONFLICT (account_id, lower(name)) DO NOTHING

-- name: named_lists
SELECT list_id, name, created_at FROM lists
WHERE account_id = %(account_id)s AND lower(name) = ANY (SELECT lower(n) FROM unnest(%(names)s::text[]) AS n)

-- name: join_named
-- Contacts that exist for sure, sorted, so that two calls do not wait for each other in a circle.
INSERT INTO list_members (account_id, bucket, list_id, contact_id)
SELECT %(account_id)s, (c.contact_id & 255)::smallint, l.list_id, c.contact_id
FROM unnest(%(contact_ids)s::bigint[]) AS c (contact_id) CROSS JOIN unnest(%(list_ids)s::bigint[]) AS l (list_id)
ORDER BY 2, 3, 4
ON CONFLICT DO NOTHING

-- name: leave_named
-- Primary key of list_members.
DELETE FROM list_members m
USING (SELECT (c.contact_id & 255)::smallint AS bucket, l.list_id, c.contact_id
    FROM unnest(%(contact_ids)s::bigint[]) AS c (contact_id) CROSS JOIN unnest(%(list_ids)s::bigint[]) AS l (list_id)
) AS k
WHERE m.account_id = %(account_id)s AND m.bucket = k.bucket AND m.list_id = k.list_id AND m.contact_id = k.contact_id
