-- name: everybody
-- How many contacts there are, and the ids of one page in their order. Walks the account's part of the primary key, index only:
-- about 0.2 s for a million contacts.
WITH found AS MATERIALIZED (SELECT contact_id FROM contacts WHERE account_id = %(account_id)s)
SELECT (SELECT count(*) FROM found),
    ARRAY(SELECT contact_id FROM found ORDER BY contact_id OFFSET %(offset)s LIMIT %(limit)s)

-- name: by_address
-- The same for contacts that have a part of an address (kind 1) or number (kind 2) among their identities, and whatever else is
-- named. Walks the account's identities of that kind in the primary key, index only, and probes the rest.
WITH found AS MATERIALIZED (
    SELECT DISTINCT i.contact_id FROM identities i
    WHERE i.account_id = %(account_id)s AND i.kind = %(kind)s AND strpos(i.value, %(part)s) > 0
        AND (%(phone)s = '' OR EXISTS (
            SELECT FROM identities p WHERE p.account_id = %(account_id)s AND p.contact_id = i.contact_id AND p.kind = 2
                AND strpos(p.value, %(phone)s) > 0))
        AND ((%(first_name)s = '' AND %(last_name)s = '') OR EXISTS (
            SELECT FROM contacts c WHERE c.account_id = %(account_id)s AND c.bucket = (i.contact_id & 255)::smallint
                AND c.contact_id = i.contact_id
                AND strpos(lower(c.first_name), lower(%(first_name)s)) > 0
                AND strpos(lower(c.last_name), lower(%(last_name)s)) > 0))
)
SELECT (SELECT count(*) FROM found),
    ARRAY(SELECT contact_id FROM found ORDER BY contact_id OFFSET %(offset)s LIMIT %(limit)s)

-- name: by_name
-- The same for parts of names. Walks the account's contacts.
WITH found AS MATERIALIZED (
    SELECT contact_id FROM contacts c
    WHERE c.account_id = %(account_id)s AND strpos(lower(c.first_name), lower(%(first_name)s)) > 0
        AND strpos(lower(c.last_name), lower(%(last_name)s)) > 0
)
SELECT (SELECT count(*) FROM found),
    ARRAY(SELECT contact_id FROM found ORDER BY contact_id OFFSET %(offset)s LIMIT %(limit)s)

-- name: list_buckets
-- Members of a list in each bucket that has some. Primary key of list_members, index only.
SELECT b.bucket, m.members FROM generate_series(0, 255) AS b (bucket)
CROSS JOIN LATERAL (
    SELECT count(*) AS members FROM list_members
    WHERE account_id = %(account_id)s AND bucket = b.bucket::smallint AND list_id = %(list_id)s
) AS m
WHERE m.members > 0 ORDER BY b.bucket

-- name: list_bucket
-- Members of a list in one bucket. Primary key of list_members.
SELECT contact_id FROM list_members
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND list_id = %(list_id)s
ORDER BY contact_id OFFSET %(offset)s LIMIT %(limit)s

-- name: channels
-- Primary key of contact_channels.
SELECT h.contact_id, h.channel, h.value, h.data, h.active
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
JOIN contact_channels h ON h.account_id = %(account_id)s AND h.bucket = k.bucket AND h.contact_id = k.contact_id
ORDER BY h.contact_id, h.channel, h.created_at, h.value

-- name: addresses
-- Addresses and numbers. Index identities_contact.
SELECT contact_id, kind, value FROM identities
WHERE account_id = %(account_id)s AND contact_id = ANY (%(contact_ids)s::bigint[]) AND kind IN (1, 2)
ORDER BY contact_id, kind, value

-- name: memberships
-- Index list_members_contact.
SELECT m.contact_id, l.list_id, l.name
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
JOIN list_members m ON m.account_id = %(account_id)s AND m.bucket = k.bucket AND m.contact_id = k.contact_id
JOIN lists l ON l.account_id = m.account_id AND l.list_id = m.list_id
ORDER BY m.contact_id, lower(l.name)

-- name: order_summaries
-- Primary key of contact_statistics.
SELECT s.contact_id, s.orders, s.last_order_at
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
JOIN contact_statistics s ON s.account_id = %(account_id)s AND s.bucket = k.bucket AND s.contact_id = k.contact_id
WHERE s.orders > 0 OR s.last_order_at IS NOT NULL

-- name: token_channel
-- Whose token this is, and what is kept about it. Primary keys of identities and contact_channels.
SELECT i.contact_id, h.data, h.active FROM identities i
JOIN contact_channels h ON h.account_id = i.account_id AND h.bucket = (i.contact_id & 255)::smallint
    AND h.contact_id = i.contact_id AND h.channel IN (3, 4) AND h.value = i.value
WHERE i.account_id = %(account_id)s AND i.kind = 5 AND i.value = %(token)s

-- name: set_token_active
UPDATE contact_channels SET active = %(active)s, updated_at = now()
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s AND channel IN (3, 4)
    AND value = %(token)s
