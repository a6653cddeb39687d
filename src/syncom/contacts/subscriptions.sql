-- name: endpoints
-- Where browsers of these contacts are reached, the oldest subscription first: active ones that can be written to. Primary
-- key of contact_channels.
SELECT h.contact_id, h.endpoint
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
JOIN push_subscriptions h ON h.account_id = %(account_id)s AND h.bucket = k.bucket AND h.contact_id = k.contact_id
ORDER BY h.contact_id, h.created_at, h.endpoint;

-- name: keys
-- Keys of the subscriptions in question that are still there, with their places in it (from 1). Primary key of
-- contact_channels.
SELECT k.n, h.data #>> '{keys,p256dh}', h.data #>> '{keys,auth}'
FROM unnest(%(account_ids)s::bigint[], %(contact_ids)s::bigint[], %(endpoints)s::text[]) WITH ORDINALITY
    AS k (account_id, contact_id, endpoint, n)
JOIN push_subscriptions h ON h.account_id = k.account_id AND h.bucket = (k.contact_id & 255)::smallint
    AND h.contact_id = k.contact_id AND h.endpoint = k.endpoint;

-- name: remove
-- Subscriptions that a push service says are gone: from whom they were sent to, and from whom they belong to since. Primary
-- keys of identities and contact_channels, in this order, as those take who save a token.
WITH gone AS (
    SELECT account_id, contact_id, endpoint
    FROM unnest(%(account_ids)s::bigint[], %(contact_ids)s::bigint[], %(endpoints)s::text[])
         AS row (account_id, contact_id, endpoint)
), released AS (
    DELETE FROM identities i USING gone g
    WHERE i.account_id = g.account_id AND i.kind = 5 AND i.value = g.endpoint
    RETURNING i.account_id, i.contact_id, i.value
)
DELETE FROM contact_channels h
USING (SELECT account_id, contact_id, endpoint FROM gone
       UNION SELECT account_id, contact_id, value FROM released) AS k (account_id, contact_id, endpoint)
WHERE h.account_id = k.account_id AND h.bucket = (k.contact_id & 255)::smallint AND h.contact_id = k.contact_id
  AND h.channel = 3 AND h.value = k.endpoint;
