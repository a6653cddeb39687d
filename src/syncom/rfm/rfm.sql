-- name: settings
-- Index: rfm_settings' primary key.
SELECT statuses, currency, revenue, window_days, thresholds, bounded_at, recency_bounds, frequency_bounds,
    monetary_bounds, recomputed_at, coalesce(nullif(currency, ''), main_currency)
FROM rfm_settings WHERE account_id = %(account_id)s;

-- name: save_settings
INSERT INTO rfm_settings (account_id, statuses, currency, revenue, window_days, thresholds)
VALUES (%(account_id)s, %(statuses)s, %(currency)s, %(revenue)s, %(window_days)s, %(thresholds)s::jsonb)
ON CONFLICT (account_id) DO UPDATE SET statuses = excluded.statuses, currency = excluded.currency,
    revenue = excluded.revenue, window_days = excluded.window_days, thresholds = excluded.thresholds;

-- name: hold_settings
-- Makes the row where there is none, so that whoever draws boundaries next waits.
INSERT INTO rfm_settings (account_id) VALUES (%(account_id)s)
ON CONFLICT (account_id) DO UPDATE SET account_id = excluded.account_id;

-- name: due
-- Accounts with orders whose boundaries have not been renewed for a day. Index: orders_made.
SELECT a.account_id FROM accounts a
LEFT JOIN rfm_settings s ON s.account_id = a.account_id
WHERE (s.recomputed_at IS NULL OR s.recomputed_at < %(before)s)
  AND EXISTS (SELECT FROM orders o WHERE o.account_id = a.account_id)
ORDER BY a.account_id;

-- name: choose_currency
-- Where no currency was named: that of most orders that count. Reads the account's orders once.
UPDATE rfm_settings s SET main_currency = coalesce((
    SELECT upper(o.currency) FROM orders o
    WHERE o.account_id = s.account_id AND o.ordered_at >= %(from_at)s AND upper(o.status) = ANY (s.statuses)
    GROUP BY upper(o.currency) ORDER BY count(*) DESC, upper(o.currency) LIMIT 1), '')
WHERE s.account_id = %(account_id)s;

-- name: quintiles
-- Values that 20, 40, 60 and 80 percent of the customers are at or below. Reads the account's orders once.
SELECT count(*), percentile_disc(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN GROUP (ORDER BY found.last_order_at),
    percentile_disc(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN GROUP (ORDER BY found.orders),
    percentile_disc(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN GROUP (ORDER BY found.revenue)
FROM (
    SELECT max(o.ordered_at) AS last_order_at, count(*) AS orders,
        coalesce(sum(rfm_revenue(s.revenue, o.total, o.refunded, o.details))
            FILTER (WHERE upper(o.currency) = coalesce(nullif(s.currency, ''), s.main_currency)), 0) AS revenue
    FROM rfm_settings s
    JOIN orders o ON o.account_id = s.account_id AND o.ordered_at >= %(from_at)s AND upper(o.status) = ANY (s.statuses)
    JOIN contacts c ON c.account_id = o.account_id AND c.bucket = o.bucket AND c.contact_id = o.contact_id
    WHERE s.account_id = %(account_id)s
    GROUP BY o.bucket, o.contact_id
) AS found;

-- name: bound
UPDATE rfm_settings SET bounded_at = %(bounded_at)s, from_at = %(from_at)s, recency_bounds = %(recency)s::timestamptz[],
    frequency_bounds = %(frequency)s::bigint[], monetary_bounds = %(monetary)s::numeric[]
WHERE account_id = %(account_id)s;

-- name: recomputed
UPDATE rfm_settings SET recomputed_at = %(now)s WHERE account_id = %(account_id)s;

-- name: lock_scores
-- Orders of an account come in side by side; a bucket is scored anew while none does.
SELECT pg_advisory_xact_lock(%(kind)s, hashint8(%(account_id)s));

-- name: share_scores
SELECT pg_advisory_xact_lock_shared(%(kind)s, hashint8(%(account_id)s));

-- name: is_bounded
-- Index: rfm_settings' primary key.
SELECT FROM rfm_settings WHERE account_id = %(account_id)s AND bounded_at IS NOT NULL;

-- name: in_bucket
-- Everybody of a bucket who has orders, or scores. Indexes: primary keys of orders and rfm_scores.
SELECT contact_id FROM orders WHERE account_id = %(account_id)s AND bucket = %(bucket)s
UNION
SELECT contact_id FROM rfm_scores WHERE account_id = %(account_id)s AND bucket = %(bucket)s;

-- name: score
-- Scores of these contacts from their orders and the boundaries in force, and their changes of class for the history.
-- Returns those who have scores and no completed orders any more. Every contact is looked up by itself: joined as sets,
-- a few contacts without statistics of their own make the planner read all scores of the account for each batch of orders.
-- Indexes: orders_time, primary keys of contacts and the tables of RFM.
WITH found AS (
    SELECT k.bucket, k.contact_id, f.orders, f.last_order_at, f.revenue, old.class AS old_class,
        (SELECT 1 + count(*) FROM unnest(s.recency_bounds) AS b WHERE f.last_order_at > b)::smallint AS recency,
        (SELECT 1 + count(*) FROM unnest(s.frequency_bounds) AS b WHERE f.orders > b)::smallint AS frequency,
        (SELECT 1 + count(*) FROM unnest(s.monetary_bounds) AS b WHERE f.revenue > b)::smallint AS monetary
    FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
    LEFT JOIN rfm_settings s ON s.account_id = %(account_id)s AND s.bounded_at IS NOT NULL
    CROSS JOIN LATERAL (
        SELECT count(*) AS orders, max(o.ordered_at) AS last_order_at,
            coalesce(sum(rfm_revenue(s.revenue, o.total, o.refunded, o.details))
                FILTER (WHERE upper(o.currency) = coalesce(nullif(s.currency, ''), s.main_currency)), 0) AS revenue
        FROM orders o
        WHERE o.account_id = %(account_id)s AND o.bucket = k.bucket AND o.contact_id = k.contact_id
          AND o.ordered_at >= s.from_at AND upper(o.status) = ANY (s.statuses)
          AND EXISTS (SELECT FROM contacts c
                      WHERE c.account_id = %(account_id)s AND c.bucket = k.bucket AND c.contact_id = k.contact_id)
    ) AS f
    LEFT JOIN LATERAL (
        SELECT r.class FROM rfm_scores r
        WHERE r.account_id = %(account_id)s AND r.bucket = k.bucket AND r.contact_id = k.contact_id LIMIT 1
    ) AS old ON true
), classed AS (
    SELECT n.*, (%(classes)s::smallint[])[(n.recency - 1) * 5 + (n.frequency + n.monetary + 1) / 2] AS class
    FROM found n WHERE n.orders > 0
), written AS (
    INSERT INTO rfm_scores AS s (account_id, bucket, contact_id, recency, frequency, monetary, class, orders, revenue,
        last_order_at, computed_at)
    SELECT %(account_id)s, n.bucket, n.contact_id, n.recency, n.frequency, n.monetary, n.class, n.orders, n.revenue,
        n.last_order_at, %(now)s
    FROM classed n
    ORDER BY n.bucket, n.contact_id
    ON CONFLICT (account_id, bucket, contact_id) DO UPDATE SET recency = excluded.recency,
        frequency = excluded.frequency, monetary = excluded.monetary, class = excluded.class, orders = excluded.orders,
        revenue = excluded.revenue, last_order_at = excluded.last_order_at, computed_at = excluded.computed_at
    WHERE (s.recency, s.frequency, s.monetary, s.class, s.orders, s.revenue, s.last_order_at)
        IS DISTINCT FROM (excluded.recency, excluded.frequency, excluded.monetary, excluded.class, excluded.orders,
            excluded.revenue, excluded.last_order_at)
), moved AS (
    INSERT INTO rfm_history (account_id, bucket, contact_id, day, class)
    SELECT %(account_id)s, n.bucket, n.contact_id, %(day)s, n.class
    FROM classed n WHERE n.class IS DISTINCT FROM n.old_class
    ORDER BY n.bucket, n.contact_id
    ON CONFLICT (account_id, bucket, contact_id, day) DO UPDATE SET class = excluded.class
)
SELECT n.contact_id FROM found n WHERE n.orders = 0 AND n.old_class IS NOT NULL ORDER BY n.bucket, n.contact_id;

-- name: drop_scores
-- Of contacts without completed orders, few at a time. Index: rfm_scores' primary key.
WITH gone AS (
    DELETE FROM rfm_scores s
    USING unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
    WHERE s.account_id = %(account_id)s AND s.bucket = k.bucket AND s.contact_id = k.contact_id
    RETURNING s.bucket, s.contact_id
)
INSERT INTO rfm_history (account_id, bucket, contact_id, day, class)
SELECT %(account_id)s, g.bucket, g.contact_id, %(day)s, 0 FROM gone g ORDER BY g.bucket, g.contact_id
ON CONFLICT (account_id, bucket, contact_id, day) DO UPDATE SET class = 0;

-- name: forget_history
-- What is older than anybody compares, but for the class that a contact had then: moves since then start from it.
-- Index: rfm_history's primary key, one bucket of it.
DELETE FROM rfm_history h
WHERE h.account_id = %(account_id)s AND h.bucket = %(bucket)s AND h.day < %(oldest)s
  AND EXISTS (SELECT FROM rfm_history n
              WHERE n.account_id = %(account_id)s AND n.bucket = %(bucket)s AND n.contact_id = h.contact_id
                AND n.day > h.day AND n.day <= %(oldest)s);

-- name: of_contact
-- Index: rfm_scores' primary key.
SELECT contact_id, recency, frequency, monetary, class, orders, revenue, last_order_at, computed_at
FROM rfm_scores WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s;

-- name: grid
-- Customers and revenue by recency, frequency and class. Reads the account's narrow rows once.
SELECT recency, frequency, class, count(*), sum(revenue) FROM rfm_scores
WHERE account_id = %(account_id)s GROUP BY recency, frequency, class;

-- name: transitions
-- Contacts by their class at the end of two days. Index: rfm_history's primary key, read in its order.
SELECT was.class, became.class, count(*)
FROM (
    SELECT DISTINCT ON (bucket, contact_id) bucket, contact_id, class FROM rfm_history
    WHERE account_id = %(account_id)s AND day <= %(since)s ORDER BY bucket, contact_id, day DESC
) AS was
FULL JOIN (
    SELECT DISTINCT ON (bucket, contact_id) bucket, contact_id, class FROM rfm_history
    WHERE account_id = %(account_id)s AND day <= %(until)s ORDER BY bucket, contact_id, day DESC
) AS became USING (bucket, contact_id)
GROUP BY 1, 2;
