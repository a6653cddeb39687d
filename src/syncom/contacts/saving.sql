-- name: field_owners
-- Contacts by the value of a custom field, as text; the one that changed last wins. Walks the account's contacts: a field
-- has no index.
SELECT DISTINCT ON (value) c.fields->>%(field)s AS value, c.contact_id FROM contacts c
WHERE c.account_id = %(account_id)s
    AND c.fields->>%(field)s = ANY (string_to_array(%(values)s, E'\x1f'))
ORDER BY 1, c.updated_at DESC, c.contact_id DESC

-- name: identity_owners
-- Place of each known identity in the question (from 1), and its contact. Primary key of identities.
SELECT k.n, i.contact_id
FROM unnest(%(kinds)s::smallint[], string_to_array(%(values)s, E'\x1f')) WITH ORDINALITY AS k (kind, value, n)
JOIN identities i ON i.account_id = %(account_id)s AND i.kind = k.kind AND i.value = k.value

-- name: claim_tokens
-- A device that changed hands belongs to who used it last. Primary key of identities.
INSERT INTO identities AS i (account_id, kind, value, contact_id)
SELECT DISTINCT ON (k.value) %(account_id)s, 5, k.value, k.contact_id
FROM unnest(string_to_array(%(values)s, E'\x1f'), %(contact_ids)s::bigint[]) WITH ORDINALITY
    AS k (value, contact_id, n)
WHERE k.contact_id IS NOT NULL
ORDER BY k.value, k.n DESC
ON CONFLICT (account_id, kind, value) DO UPDATE SET contact_id = excluded.contact_id
    WHERE i.contact_id <> excluded.contact_id

-- name: leave_tokens
-- The data of tokens that belong to somebody else now, through the people who may have had them: a token is an identity, so
-- its former owner is known before it moves.
DELETE FROM contact_channels h
USING unnest(string_to_array(%(values)s, E'\x1f'), %(owners)s::bigint[]) AS k (value, owner)
WHERE h.account_id = %(account_id)s AND h.bucket = (k.owner & 255)::smallint AND h.contact_id = k.owner
    AND h.channel IN (3, 4) AND h.value = k.value

-- name: clear_channels
-- Primary key of contact_channels.
DELETE FROM contact_channels h
USING unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(channels)s::smallint[])
    AS k (bucket, contact_id, channel)
WHERE h.account_id = %(account_id)s AND h.bucket = k.bucket AND h.contact_id = k.contact_id AND h.channel = k.channel
RETURNING h.contact_id, h.channel, h.value

-- name: release_tokens
DELETE FROM identities i
USING unnest(string_to_array(%(values)s, E'\x1f'), %(contact_ids)s::bigint[]) AS k (value, contact_id)
WHERE i.account_id = %(account_id)s AND i.kind = 5 AND i.value = k.value AND i.contact_id = k.contact_id

-- name: put_channels
-- What a caller says of a channel replaces what was known, but for the keys of a browser: who reads contacts is not told them,
-- and who writes back what was read must not take them away.
INSERT INTO contact_channels AS h (account_id, bucket, contact_id, channel, value, data, active)
SELECT DISTINCT ON (k.bucket, k.contact_id, k.channel, k.value) %(account_id)s, k.bucket, k.contact_id, k.channel, k.value,
    k.data::jsonb, k.active
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(channels)s::smallint[],
    string_to_array(%(values)s, E'\x1f'), string_to_array(%(data)s, E'\x1f'), %(active)s::boolean[]) WITH ORDINALITY
    AS k (bucket, contact_id, channel, value, data, active, n)
WHERE k.contact_id IS NOT NULL
ORDER BY k.bucket, k.contact_id, k.channel, k.value, k.n DESC
ON CONFLICT (account_id, bucket, contact_id, channel, value) DO UPDATE SET
    data = CASE WHEN excluded.data = '{}' THEN h.data
        WHEN h.data ? 'keys' THEN jsonb_build_object('keys', h.data -> 'keys') || excluded.data
        ELSE excluded.data END, active = excluded.active, updated_at = now()

-- name: put_order_summaries
-- What the shop says replaces what was counted. Primary key of contact_statistics.
INSERT INTO contact_statistics AS s (account_id, bucket, contact_id, orders, last_order_at)
SELECT DISTINCT ON (k.bucket, k.contact_id) %(account_id)s, k.bucket, k.contact_id, coalesce(k.orders, 0), k.last_order_at
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(counts)s::int[], %(moments)s::timestamptz[])
    WITH ORDINALITY AS k (bucket, contact_id, orders, last_order_at, n)
ORDER BY k.bucket, k.contact_id, k.n DESC
ON CONFLICT (account_id, bucket, contact_id) DO UPDATE SET
    orders = CASE WHEN excluded.orders > 0 OR excluded.last_order_at IS NULL THEN excluded.orders ELSE s.orders END,
    last_order_at = coalesce(excluded.last_order_at, s.last_order_at)
