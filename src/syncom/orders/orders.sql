-- name: lock_known
-- Known numbers of orders, held until the transaction ends, in the order in which every writer takes them.
-- Index: order_identities' primary key.
SELECT i.external_id, i.order_id, i.contact_id
FROM order_identities i
WHERE i.account_id = %(account_id)s AND i.external_id = ANY (%(external_ids)s::text[])
ORDER BY i.external_id
FOR UPDATE;

-- name: claim
-- New numbers, in order. One that another transaction claimed in between is answered with its contact.
INSERT INTO order_identities AS i (account_id, external_id, contact_id)
SELECT %(account_id)s, row.external_id, row.contact_id
FROM unnest(%(external_ids)s::text[], %(contact_ids)s::bigint[]) AS row (external_id, contact_id)
ORDER BY row.external_id
ON CONFLICT (account_id, external_id) DO UPDATE SET external_id = excluded.external_id
RETURNING i.external_id, i.order_id, i.contact_id;

-- name: states
-- What is stored of these orders. Index: orders' primary key.
SELECT o.external_id, o.contact_id, o.status, o.changed_at, o.created_at
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(external_ids)s::text[])
     AS k (bucket, contact_id, external_id)
CROSS JOIN LATERAL (
    SELECT * FROM orders
    WHERE account_id = %(account_id)s AND bucket = k.bucket AND contact_id = k.contact_id
      AND external_id = k.external_id LIMIT 1
) AS o;

-- name: hand_over
-- Numbers whose orders turned out to be another contact's.
UPDATE order_identities i SET contact_id = row.contact_id
FROM unnest(%(external_ids)s::text[], %(contact_ids)s::bigint[]) AS row (external_id, contact_id)
WHERE i.account_id = %(account_id)s AND i.external_id = row.external_id;

-- name: take_away
-- The rows of those orders under their old contacts. Index: orders' primary key.
DELETE FROM orders o
USING unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(external_ids)s::text[])
      AS k (bucket, contact_id, external_id)
WHERE o.account_id = %(account_id)s AND o.bucket = k.bucket AND o.contact_id = k.contact_id
  AND o.external_id = k.external_id;

-- name: move_refunds
-- Refunds of orders that turned out to be another contact's, or that were not known before. Index: refunds' primary key.
WITH gone AS (
    DELETE FROM refunds r
    USING unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(external_ids)s::text[], %(new_ids)s::bigint[])
          AS k (bucket, contact_id, external_id, new_id)
    WHERE r.account_id = %(account_id)s AND r.bucket = k.bucket AND r.contact_id = k.contact_id
      AND r.order_number = k.external_id
    RETURNING r.*, k.new_id
)
INSERT INTO refunds (account_id, bucket, contact_id, order_number, external_id, amount, refunded_at, changed_at, reason,
    items, created_at)
SELECT account_id, (new_id & 255)::smallint, new_id, order_number, external_id, amount, refunded_at, changed_at, reason,
    items, created_at
FROM gone;

-- name: write
-- The newest states, with what was refunded. Indexes: primary keys of orders and refunds. JSON travels as one text, ended by U+001F (postgres/columns.py): escaping
-- the quotes of an array of it costs the driver more than all else here. The empty end is the row without a contact.
INSERT INTO orders (account_id, bucket, contact_id, external_id, order_id, status, total, currency, ordered_at,
    changed_at, items, details, created_at, refunded)
SELECT %(account_id)s, row.bucket, row.contact_id, row.external_id, row.order_id, row.status, row.total, row.currency,
       row.ordered_at, row.changed_at, row.items::jsonb, row.details::jsonb, coalesce(row.created_at, now()), r.refunded
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(external_ids)s::text[], %(order_ids)s::bigint[],
            %(statuses)s::text[], %(totals)s::numeric[], %(currencies)s::text[], %(ordered_ats)s::timestamptz[],
            %(changed_ats)s::timestamptz[], string_to_array(%(items)s, E'\x1f'),
            string_to_array(%(details)s, E'\x1f'), %(created_ats)s::timestamptz[])
     AS row (bucket, contact_id, external_id, order_id, status, total, currency, ordered_at, changed_at, items,
             details, created_at)
CROSS JOIN LATERAL (
    SELECT CASE WHEN bool_or(amount IS NULL) THEN greatest(row.total, 0)
                ELSE least(coalesce(sum(amount), 0), greatest(row.total, 0)) END AS refunded
    FROM refunds
    WHERE account_id = %(account_id)s AND bucket = row.bucket AND contact_id = row.contact_id
      AND order_number = row.external_id
) AS r
WHERE row.contact_id IS NOT NULL
ORDER BY row.bucket, row.contact_id, row.external_id
ON CONFLICT (account_id, bucket, contact_id, external_id) DO UPDATE
SET status = excluded.status, total = excluded.total, currency = excluded.currency,
    ordered_at = excluded.ordered_at, changed_at = excluded.changed_at, items = excluded.items,
    details = excluded.details, refunded = excluded.refunded;

-- name: write_refunds
-- The newest states of distinct refunds; an older one changes nothing. Index: refunds' primary key.
INSERT INTO refunds AS r (account_id, bucket, contact_id, order_number, external_id, amount, refunded_at, changed_at,
    reason, items)
SELECT %(account_id)s, row.bucket, row.contact_id, row.order_number, row.external_id, row.amount, row.refunded_at,
       row.changed_at, row.reason, row.items::jsonb
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(order_numbers)s::text[], %(external_ids)s::text[],
            %(amounts)s::numeric[], %(refunded_ats)s::timestamptz[], %(changed_ats)s::timestamptz[],
            %(reasons)s::text[], string_to_array(%(items)s, E'\x1f'))
     AS row (bucket, contact_id, order_number, external_id, amount, refunded_at, changed_at, reason, items)
WHERE row.contact_id IS NOT NULL
ORDER BY row.bucket, row.contact_id, row.order_number, row.external_id
ON CONFLICT (account_id, bucket, contact_id, order_number, external_id) DO UPDATE
SET amount = excluded.amount, refunded_at = excluded.refunded_at, changed_at = excluded.changed_at,
    reason = excluded.reason, items = excluded.items
WHERE excluded.changed_at >= r.changed_at;

-- name: settle_refunds
-- What was refunded of these orders, whose numbers are held. Indexes: primary keys of orders and refunds.
UPDATE orders o SET refunded = r.refunded
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(external_ids)s::text[])
     AS k (bucket, contact_id, external_id)
CROSS JOIN LATERAL (
    SELECT bool_or(amount IS NULL) AS whole, coalesce(sum(amount), 0) AS amount
    FROM refunds
    WHERE account_id = %(account_id)s AND bucket = k.bucket AND contact_id = k.contact_id
      AND order_number = k.external_id
) AS f
CROSS JOIN LATERAL (
    SELECT CASE WHEN f.whole THEN greatest(s.total, 0) ELSE least(f.amount, greatest(s.total, 0)) END AS refunded
    FROM orders s
    WHERE s.account_id = %(account_id)s AND s.bucket = k.bucket AND s.contact_id = k.contact_id
      AND s.external_id = k.external_id
) AS r
WHERE o.account_id = %(account_id)s AND o.bucket = k.bucket AND o.contact_id = k.contact_id
  AND o.external_id = k.external_id AND o.refunded <> r.refunded;

-- name: refunds
-- Of an order, in their order. Index: refunds' primary key.
SELECT order_number, external_id, amount, refunded_at, changed_at, reason, items, created_at FROM refunds
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s
  AND order_number = %(external_id)s
ORDER BY refunded_at, external_id;

-- name: revenue
-- What a contact's purchases came to, in each currency. Index: orders_time.
SELECT currency, count(*), sum(total), sum(refunded), min(ordered_at), max(ordered_at) FROM orders
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s
  AND upper(status) NOT IN ('CANCELLED', 'ABANDONED_SHOPPING_CART')
GROUP BY currency ORDER BY currency;

-- name: lock_statistics
-- Whoever counts a contact's orders next waits here, and then sees what this transaction wrote.
INSERT INTO contact_statistics AS s (account_id, bucket, contact_id)
SELECT %(account_id)s, k.bucket, k.contact_id
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
ORDER BY k.bucket, k.contact_id
ON CONFLICT (account_id, bucket, contact_id) DO UPDATE SET contact_id = s.contact_id;

-- name: recount
-- Order statistics of these contacts, from their orders: right in any order of arrival. Cancelled orders and
-- abandoned carts are no purchases. Indexes: contact_statistics' primary key, orders_time.
UPDATE contact_statistics s
SET orders = found.orders, last_order_at = found.last_order_at
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS orders, max(o.ordered_at) AS last_order_at
    FROM orders o
    WHERE o.account_id = %(account_id)s AND o.bucket = k.bucket AND o.contact_id = k.contact_id
      AND upper(o.status) NOT IN ('CANCELLED', 'ABANDONED_SHOPPING_CART')
) AS found
WHERE s.account_id = %(account_id)s AND s.bucket = k.bucket AND s.contact_id = k.contact_id
  AND (s.orders, s.last_order_at) IS DISTINCT FROM (found.orders, found.last_order_at);

-- name: known_contacts
-- Of these contacts, those that are there, with their primary addresses. Index: contacts' primary key.
SELECT c.contact_id, c.email, c.phone
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
CROSS JOIN LATERAL (
    SELECT contact_id, email, phone FROM contacts
    WHERE account_id = %(account_id)s AND bucket = k.bucket AND contact_id = k.contact_id LIMIT 1
) AS c;

-- name: of_contact
-- Newest first. Index: orders_time.
SELECT order_id, contact_id, external_id, status, total, refunded, currency, ordered_at, changed_at, items, details,
    created_at
FROM orders
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s
ORDER BY ordered_at DESC, external_id LIMIT %(limit)s;

-- name: browse
-- Of the next orders behind the cursor, newest first, those that fit; with whose they are. Indexes: orders_made,
-- contacts' primary key.
SELECT o.order_id, o.contact_id, o.external_id, o.status, o.total, o.refunded, o.currency, o.ordered_at, o.changed_at,
    o.details ->> 'source' AS source, jsonb_array_length(o.items) AS items,
    c.email, c.phone, concat_ws(' ', nullif(c.first_name, ''), nullif(c.last_name, '')) AS contact_name
FROM (
    SELECT * FROM orders
    WHERE account_id = %(account_id)s AND ordered_at >= %(since)s AND ordered_at <= %(before)s
      AND (ordered_at, external_id) < (%(before)s, %(before_number)s)
    ORDER BY ordered_at DESC, external_id DESC LIMIT %(look)s
) AS o
LEFT JOIN contacts c ON c.account_id = o.account_id AND c.bucket = o.bucket AND c.contact_id = o.contact_id
WHERE (%(status)s::text IS NULL OR upper(o.status) = upper(%(status)s))
  AND (%(least)s::numeric IS NULL OR o.total >= %(least)s) AND (%(most)s::numeric IS NULL OR o.total <= %(most)s)
  AND (%(source)s::text IS NULL OR lower(o.details ->> 'source') = lower(%(source)s))
ORDER BY o.ordered_at DESC, o.external_id DESC LIMIT %(limit)s;

-- name: looked_until
-- The last of the orders that were looked through; none: all were. Index: orders_made.
SELECT ordered_at, external_id FROM orders
WHERE account_id = %(account_id)s AND ordered_at >= %(since)s AND ordered_at <= %(before)s
  AND (ordered_at, external_id) < (%(before)s, %(before_number)s)
ORDER BY ordered_at DESC, external_id DESC OFFSET %(look)s - 1 LIMIT 1;

-- name: browse_of_contact
-- The same of one contact, or of one order whose contact is known. Index: orders_time.
SELECT o.order_id, o.contact_id, o.external_id, o.status, o.total, o.refunded, o.currency, o.ordered_at, o.changed_at,
    o.details ->> 'source' AS source, jsonb_array_length(o.items) AS items,
    c.email, c.phone, concat_ws(' ', nullif(c.first_name, ''), nullif(c.last_name, '')) AS contact_name
FROM orders o
LEFT JOIN contacts c ON c.account_id = o.account_id AND c.bucket = o.bucket AND c.contact_id = o.contact_id
WHERE o.account_id = %(account_id)s AND o.bucket = %(bucket)s AND o.contact_id = %(contact_id)s
  AND o.ordered_at >= %(since)s AND (o.ordered_at, o.external_id) < (%(before)s, %(before_number)s)
  AND (%(external_id)s::text IS NULL OR o.external_id = %(external_id)s)
  AND (%(status)s::text IS NULL OR upper(o.status) = upper(%(status)s))
  AND (%(least)s::numeric IS NULL OR o.total >= %(least)s) AND (%(most)s::numeric IS NULL OR o.total <= %(most)s)
  AND (%(source)s::text IS NULL OR lower(o.details ->> 'source') = lower(%(source)s))
ORDER BY o.ordered_at DESC, o.external_id DESC LIMIT %(limit)s;

-- name: totals
-- Of the newest orders of a time those that fit, added up by status and currency; and how many were looked at. Index:
-- orders_made.
SELECT upper(o.status), o.currency, count(*) FILTER (WHERE f.fits), coalesce(sum(o.total) FILTER (WHERE f.fits), 0),
    coalesce(sum(o.refunded) FILTER (WHERE f.fits), 0), count(*)
FROM (
    SELECT status, currency, total, refunded, details FROM orders
    WHERE account_id = %(account_id)s AND ordered_at >= %(since)s AND ordered_at < %(until)s
    ORDER BY ordered_at DESC LIMIT %(look)s + 1
) AS o
CROSS JOIN LATERAL (
    SELECT (%(status)s::text IS NULL OR upper(o.status) = upper(%(status)s))
        AND (%(least)s::numeric IS NULL OR o.total >= %(least)s)
        AND (%(most)s::numeric IS NULL OR o.total <= %(most)s)
        AND (%(source)s::text IS NULL OR lower(o.details ->> 'source') = lower(%(source)s)) AS fits
) AS f
GROUP BY 1, 2
ORDER BY 3 DESC, 1, 2;

-- name: totals_of_contact
-- The same of one contact, or of one order whose contact is known. Index: orders_time.
SELECT upper(o.status), o.currency, count(*), sum(o.total), sum(o.refunded), count(*)
FROM orders o
WHERE o.account_id = %(account_id)s AND o.bucket = %(bucket)s AND o.contact_id = %(contact_id)s
  AND o.ordered_at >= %(since)s AND o.ordered_at < %(until)s
  AND (%(external_id)s::text IS NULL OR o.external_id = %(external_id)s)
  AND (%(status)s::text IS NULL OR upper(o.status) = upper(%(status)s))
  AND (%(least)s::numeric IS NULL OR o.total >= %(least)s) AND (%(most)s::numeric IS NULL OR o.total <= %(most)s)
  AND (%(source)s::text IS NULL OR lower(o.details ->> 'source') = lower(%(source)s))
GROUP BY 1, 2
ORDER BY 3 DESC, 1, 2;

-- name: one
-- Index: orders' primary key.
SELECT order_id, contact_id, external_id, status, total, refunded, currency, ordered_at, changed_at, items, details,
    created_at
FROM orders
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s
  AND external_id = %(external_id)s;

-- name: contact_of
-- Index: order_identities' primary key.
SELECT contact_id FROM order_identities WHERE account_id = %(account_id)s AND external_id = %(external_id)s;

-- name: known_numbers
-- Of these numbers, those that there are orders of. Index: order_identities' primary key.
SELECT external_id FROM order_identities
WHERE account_id = %(account_id)s AND external_id = ANY (%(external_ids)s::text[]) AND contact_id <> 0
ORDER BY external_id;

-- name: numbers_between
-- Some orders of a range of time. Index: orders_made.
SELECT external_id FROM orders
WHERE account_id = %(account_id)s AND ordered_at >= %(since)s AND ordered_at < %(until)s
LIMIT %(limit)s;

-- name: delete
-- Orders whose numbers are held, and that are still of the range. Index: orders' primary key.
DELETE FROM orders o
USING unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(external_ids)s::text[])
      AS k (bucket, contact_id, external_id)
WHERE o.account_id = %(account_id)s AND o.bucket = k.bucket AND o.contact_id = k.contact_id
  AND o.external_id = k.external_id
  AND (%(since)s::timestamptz IS NULL OR o.ordered_at >= %(since)s AND o.ordered_at < %(until)s)
RETURNING o.external_id, o.contact_id;

-- name: delete_refunds
-- Of orders that are gone. Index: refunds' primary key.
DELETE FROM refunds r
USING unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(external_ids)s::text[])
      AS k (bucket, contact_id, external_id)
WHERE r.account_id = %(account_id)s AND r.bucket = k.bucket AND r.contact_id = k.contact_id
  AND r.order_number = k.external_id;

-- name: forget_numbers
-- Index: order_identities' primary key.
DELETE FROM order_identities WHERE account_id = %(account_id)s AND external_id = ANY (%(external_ids)s::text[]);
