-- name: upsert
-- Writes orders of existing contacts, the last of a repeated id in a batch winning; returns the contacts touched.
-- Index: orders' primary key.
INSERT INTO orders (account_id, bucket, contact_id, external_id, status, total, currency, ordered_at, items)
SELECT %(account_id)s, (row.contact_id & 255)::smallint, row.contact_id, row.external_id, row.status, row.total,
       row.currency, row.ordered_at, row.items::jsonb
FROM unnest(%(contact_ids)s::bigint[], %(external_ids)s::text[], %(statuses)s::text[], %(totals)s::numeric[],
            %(currencies)s::text[], %(ordered_ats)s::timestamptz[], %(items)s::text[])
     AS row (contact_id, external_id, status, total, currency, ordered_at, items)
ORDER BY 2, 3, 4
ON CONFLICT (account_id, bucket, contact_id, external_id) DO UPDATE
SET status = excluded.status, total = excluded.total, currency = excluded.currency,
    ordered_at = excluded.ordered_at, items = excluded.items;

-- name: recount
-- Order statistics of these contacts, from their orders: right in any order of arrival.
INSERT INTO contact_statistics AS s (account_id, bucket, contact_id, orders, order_total, last_order_at)
SELECT o.account_id, o.bucket, o.contact_id, count(*), sum(o.total), max(o.ordered_at)
FROM orders o
JOIN unnest(%(contact_ids)s::bigint[]) AS ids (contact_id)
  ON o.bucket = (ids.contact_id & 255)::smallint AND o.contact_id = ids.contact_id
WHERE o.account_id = %(account_id)s AND lower(o.status) NOT IN ('cancelled', 'abandoned_shopping_cart')
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
ON CONFLICT (account_id, bucket, contact_id) DO UPDATE
SET orders = excluded.orders, order_total = excluded.order_total, last_order_at = excluded.last_order_at;

-- name: unknown
-- Of these contacts, those that are not there.
SELECT ids.contact_id FROM unnest(%(contact_ids)s::bigint[]) AS ids (contact_id)
WHERE NOT EXISTS (SELECT FROM contacts c WHERE c.account_id = %(account_id)s
                  AND c.bucket = (ids.contact_id & 255)::smallint AND c.contact_id = ids.contact_id);

-- name: of_contact
-- Newest first. Index: orders_time.
SELECT contact_id, external_id, status, total, currency, ordered_at, items, created_at FROM orders
WHERE account_id = %(account_id)s AND bucket = (%(contact_id)s & 255)::smallint AND contact_id = %(contact_id)s
ORDER BY ordered_at DESC LIMIT %(limit)s;
