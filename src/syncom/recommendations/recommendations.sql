-- name: add_source
INSERT INTO recommendation_sources (account_id, name, kind, days, size)
VALUES (%(account_id)s, %(name)s, %(kind)s, %(days)s, %(size)s)
ON CONFLICT (account_id, name) DO NOTHING
RETURNING source_id, name, kind, days, size;

-- name: sources
-- Index: recommendation_sources_name.
SELECT source_id, name, kind, days, size FROM recommendation_sources
WHERE account_id = %(account_id)s ORDER BY source_id;

-- name: source
-- Index: primary key.
SELECT source_id, name, kind, days, size FROM recommendation_sources
WHERE account_id = %(account_id)s AND source_id = %(source_id)s;

-- name: delete_source
-- Index: primary key.
DELETE FROM recommendation_sources WHERE account_id = %(account_id)s AND source_id = %(source_id)s RETURNING source_id;

-- name: most_bought
-- Products of the account's newest orders, those in most orders first, each as its newest order shows it.
-- With `together`: of the orders that also have one of these. Index: orders_made.
WITH recent AS MATERIALIZED (
    SELECT external_id AS number, ordered_at, items FROM orders
    WHERE account_id = %(account_id)s AND ordered_at >= %(since)s
      AND upper(status) NOT IN ('CANCELLED', 'ABANDONED_SHOPPING_CART')
    ORDER BY ordered_at DESC
    LIMIT %(orders)s
), line AS MATERIALIZED (
    SELECT r.number, r.ordered_at, item, item->>'external_id' AS product_id
    FROM recent r, jsonb_array_elements(r.items) AS item
    WHERE item->>'external_id' <> ''
)
SELECT product_id, (array_agg(item ORDER BY ordered_at DESC, number))[1] AS item
FROM line
WHERE product_id <> ALL (%(excluded)s::text[])
  AND (%(category)s::text IS NULL OR lower(item->>'category') = lower(%(category)s))
  AND (%(together)s::text[] IS NULL
       OR number IN (SELECT own.number FROM line own WHERE own.product_id = ANY (%(together)s::text[])))
GROUP BY product_id
ORDER BY count(DISTINCT number) DESC, product_id
LIMIT %(limit)s;

-- name: bought_by
-- Products that contacts ordered or left in a cart, newest first; so many of each. Index: orders_time.
SELECT k.contact_id, b.product_id
FROM unnest(%(contact_ids)s::bigint[], %(buckets)s::smallint[]) AS k (contact_id, bucket)
CROSS JOIN LATERAL (
    SELECT item->>'external_id' AS product_id, max(o.ordered_at) AS ordered_at
    FROM orders o, jsonb_array_elements(o.items) AS item
    WHERE o.account_id = %(account_id)s AND o.bucket = k.bucket AND o.contact_id = k.contact_id
      AND o.ordered_at >= %(since)s AND item->>'external_id' <> ''
    GROUP BY 1
    ORDER BY 2 DESC, 1
    LIMIT %(limit)s
) AS b
ORDER BY k.contact_id, b.ordered_at DESC, b.product_id;

-- name: viewed_by
-- What events say of products that contacts looked at, newest first; so many of each. Indexes: events_contact, unique key
-- of event_types. The `+ 0` keeps events_type out of the plan: it would walk the views of everybody for each contact.
SELECT k.contact_id, e.params->'product'
FROM unnest(%(contact_ids)s::bigint[], %(buckets)s::smallint[]) AS k (contact_id, bucket)
CROSS JOIN LATERAL (
    SELECT params, occurred_at, event_id FROM contact_events
    WHERE account_id = %(account_id)s AND bucket = k.bucket AND contact_id = k.contact_id
      AND occurred_at >= %(since)s
      AND event_type_id + 0 = (SELECT event_type_id FROM event_types WHERE account_id = %(account_id)s AND key = %(key)s)
    ORDER BY occurred_at DESC, event_id DESC LIMIT %(limit)s
) AS e
ORDER BY k.contact_id, e.occurred_at DESC, e.event_id DESC;

-- name: baskets
-- Products of each of the account's newest orders, the newest order first. Index: orders_made.
SELECT ARRAY(
    SELECT DISTINCT item->>'external_id' FROM jsonb_array_elements(o.items) AS item WHERE item->>'external_id' <> ''
)
FROM orders o
WHERE account_id = %(account_id)s AND ordered_at >= %(since)s
  AND upper(status) NOT IN ('CANCELLED', 'ABANDONED_SHOPPING_CART')
ORDER BY ordered_at DESC
LIMIT %(orders)s;
