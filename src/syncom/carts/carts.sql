-- name: settings
-- Index: cart_settings' primary key.
SELECT idle_minutes, recovery_days FROM cart_settings WHERE account_id = %(account_id)s;

-- name: save_settings
INSERT INTO cart_settings (account_id, idle_minutes, recovery_days)
VALUES (%(account_id)s, %(idle_minutes)s, %(recovery_days)s)
ON CONFLICT (account_id) DO UPDATE SET idle_minutes = excluded.idle_minutes, recovery_days = excluded.recovery_days;

-- name: put_states
-- The newest state of each of these distinct carts; an older one changes nothing. Index: carts' primary key.
INSERT INTO carts AS c (account_id, cart, changed_at, changed_by, items, value, currency, url)
SELECT k.account_id, k.cart, k.changed_at, k.changed_by, k.items::jsonb, k.value, k.currency, k.url
FROM unnest(%(account_ids)s::bigint[], %(carts)s::text[], %(moments)s::timestamptz[], %(event_ids)s::uuid[],
        string_to_array(%(items)s, E'\x1f'), %(values)s::numeric[], %(currencies)s::text[], %(urls)s::text[])
    AS k (account_id, cart, changed_at, changed_by, items, value, currency, url)
WHERE k.account_id IS NOT NULL
ORDER BY k.account_id, k.cart
ON CONFLICT (account_id, cart) DO UPDATE SET changed_at = excluded.changed_at, changed_by = excluded.changed_by,
    items = excluded.items, value = excluded.value, currency = excluded.currency, url = excluded.url
WHERE c.changed_at IS NULL OR (excluded.changed_at, excluded.changed_by) > (c.changed_at, c.changed_by);

-- name: put_purchases
-- The newest purchase of each of these distinct carts. Index: carts' primary key.
INSERT INTO carts AS c (account_id, cart, ordered_at)
SELECT * FROM unnest(%(account_ids)s::bigint[], %(carts)s::text[], %(moments)s::timestamptz[])
    AS k (account_id, cart, ordered_at)
ORDER BY k.account_id, k.cart
ON CONFLICT (account_id, cart) DO UPDATE SET ordered_at = greatest(c.ordered_at, excluded.ordered_at);

-- name: put_owners
-- Whose each of these distinct carts is, by the newest event that says so. Index: carts' primary key.
UPDATE carts c SET contact_id = k.contact_id, named_at = k.named_at, named_by = k.named_by
FROM unnest(%(account_ids)s::bigint[], %(carts)s::text[], %(contact_ids)s::bigint[], %(moments)s::timestamptz[],
        %(event_ids)s::uuid[]) AS k (account_id, cart, contact_id, named_at, named_by)
WHERE c.account_id = k.account_id AND c.cart = k.cart
    AND (c.named_at IS NULL OR (k.named_at, k.named_by) > (c.named_at, c.named_by));

-- name: set_due
-- When these carts are abandoned: unless they are empty, ordered, nobody's, or their state was told. Index: primary key.
UPDATE carts c SET due_at = f.due_at
FROM unnest(%(account_ids)s::bigint[], %(carts)s::text[]) AS k (account_id, cart)
LEFT JOIN cart_settings s ON s.account_id = k.account_id
CROSS JOIN LATERAL (
    SELECT CASE WHEN o.contact_id <> 0 AND o.items <> '[]' AND (o.ordered_at IS NULL OR o.ordered_at < o.changed_at)
            AND o.told IS DISTINCT FROM o.changed_by
        THEN o.changed_at + make_interval(mins => coalesce(s.idle_minutes, 60)) END AS due_at
    FROM carts o WHERE o.account_id = k.account_id AND o.cart = k.cart
) AS f
WHERE c.account_id = k.account_id AND c.cart = k.cart AND c.due_at IS DISTINCT FROM f.due_at;

-- name: due_accounts
-- Accounts with carts whose time has come. Index: carts_due.
SELECT DISTINCT account_id FROM carts WHERE due_at <= %(now)s ORDER BY account_id LIMIT 100;

-- name: take_due
-- Carts of an account whose time has come, held until the transaction ends, with whom they are of now and whether they
-- were ordered since. Indexes: carts_due, primary keys of contacts and merged_contacts, orders_time.
SELECT c.cart, coalesce(m.into_contact_id, c.contact_id), c.changed_at, c.changed_by, c.due_at, c.items, c.value,
    c.currency, c.url, p.email, p.phone, p.contact_id IS NULL,
    c.changed_at < %(now)s - make_interval(days => coalesce(s.recovery_days, 7)) OR EXISTS (
        SELECT FROM orders o
        WHERE o.account_id = c.account_id AND o.bucket = (coalesce(m.into_contact_id, c.contact_id) & 255)::smallint
            AND o.contact_id = coalesce(m.into_contact_id, c.contact_id) AND o.ordered_at >= c.changed_at
            AND upper(o.status) NOT IN ('CANCELLED', 'ABANDONED_SHOPPING_CART'))
FROM carts c
LEFT JOIN cart_settings s ON s.account_id = c.account_id
LEFT JOIN merged_contacts m ON m.account_id = c.account_id AND m.bucket = (c.contact_id & 255)::smallint
    AND m.contact_id = c.contact_id
LEFT JOIN contacts p ON p.account_id = c.account_id
    AND p.bucket = (coalesce(m.into_contact_id, c.contact_id) & 255)::smallint
    AND p.contact_id = coalesce(m.into_contact_id, c.contact_id)
WHERE c.account_id = %(account_id)s AND c.due_at <= %(now)s
ORDER BY c.due_at, c.cart LIMIT %(limit)s
FOR UPDATE OF c SKIP LOCKED;

-- name: told
-- These states are done with. Index: carts' primary key.
UPDATE carts SET told = changed_by, due_at = NULL
WHERE account_id = %(account_id)s AND cart = ANY (%(carts)s::text[]);

-- name: add_abandoned
-- Index: abandoned_carts' primary key.
INSERT INTO abandoned_carts (account_id, bucket, contact_id, cart, changed_at, abandoned_at, value, currency)
SELECT %(account_id)s, (k.contact_id & 255)::smallint, k.contact_id, k.cart, k.changed_at, k.abandoned_at, k.value,
    k.currency
FROM unnest(%(contact_ids)s::bigint[], %(carts)s::text[], %(changed_ats)s::timestamptz[],
        %(abandoned_ats)s::timestamptz[], %(values)s::numeric[], %(currencies)s::text[])
    AS k (contact_id, cart, changed_at, abandoned_at, value, currency)
ORDER BY 2, 3, 4, 5
ON CONFLICT DO NOTHING;

-- name: of_contact
-- The newest first. Index: carts_contact.
SELECT cart, changed_at, items, value, currency, url, ordered_at, due_at, told IS NOT DISTINCT FROM changed_by
FROM carts WHERE account_id = %(account_id)s AND contact_id = %(contact_id)s AND changed_at IS NOT NULL
ORDER BY changed_at DESC, cart LIMIT %(limit)s;

-- name: figures
-- Abandoned from a moment on and before another one, and the orders that recovered them: of each the first purchase
-- before the contact's next abandoned cart, within the days of recovery. One that was ordered in time, and heard of late, is
-- neither. Reads the abandoned carts of the span, and for each the contact's next one and its orders: indexes
-- abandoned_carts_time, abandoned_carts_contact, orders_time.
SELECT f.currency, sum(f.abandoned)::bigint, sum(f.value), sum(f.recovered)::bigint, sum(f.revenue)
FROM abandoned_carts a
LEFT JOIN cart_settings s ON s.account_id = a.account_id
LEFT JOIN LATERAL (
    SELECT min(n.changed_at) AS changed_at FROM abandoned_carts n
    WHERE n.account_id = a.account_id AND n.bucket = a.bucket AND n.contact_id = a.contact_id
        AND n.changed_at > a.changed_at
) AS later ON true
LEFT JOIN LATERAL (
    SELECT o.ordered_at, o.currency, o.total - o.refunded AS net FROM orders o
    WHERE o.account_id = a.account_id AND o.bucket = a.bucket AND o.contact_id = a.contact_id
        AND o.ordered_at >= a.changed_at AND (later.changed_at IS NULL OR o.ordered_at < later.changed_at)
        AND o.ordered_at < a.changed_at + make_interval(days => coalesce(s.recovery_days, 7))
        AND upper(o.status) NOT IN ('CANCELLED', 'ABANDONED_SHOPPING_CART')
    ORDER BY o.ordered_at, o.order_id LIMIT 1
) AS r ON true
CROSS JOIN LATERAL (
    SELECT a.currency, 1 AS abandoned, a.value, 0 AS recovered, 0 AS revenue
    UNION ALL
    SELECT r.currency, 0, 0, 1, r.net WHERE r.ordered_at IS NOT NULL
) AS f
WHERE a.account_id = %(account_id)s AND a.abandoned_at >= %(since)s AND a.abandoned_at < %(until)s
    AND (r.ordered_at IS NULL OR r.ordered_at >= a.abandoned_at)
GROUP BY f.currency ORDER BY f.currency;
