-- name: settings
-- Index: attribution_settings' primary key.
SELECT model, click_days, open_days, next_bucket FROM attribution_settings WHERE account_id = %(account_id)s;

-- name: save_settings
-- Other windows make all orders be looked at anew, from the first bucket on.
INSERT INTO attribution_settings AS s (account_id, model, click_days, open_days, next_bucket)
VALUES (%(account_id)s, %(model)s, %(click_days)s, %(open_days)s, 0)
ON CONFLICT (account_id) DO UPDATE SET model = excluded.model, click_days = excluded.click_days,
    open_days = excluded.open_days,
    next_bucket = CASE WHEN (s.click_days, s.open_days) = (excluded.click_days, excluded.open_days)
        THEN s.next_bucket ELSE 0 END;

-- name: orders_of
-- Orders of these contacts, and those that are no longer theirs but were attributed. Indexes: primary keys of orders and
-- attributions.
SELECT k.contact_id, f.order_id, coalesce(max(f.external_id), '')
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
CROSS JOIN LATERAL (
    SELECT o.order_id, o.external_id FROM orders o
    WHERE o.account_id = %(account_id)s AND o.bucket = k.bucket AND o.contact_id = k.contact_id
    UNION ALL
    SELECT a.order_id, NULL FROM attributions a
    WHERE a.account_id = %(account_id)s AND a.bucket = k.bucket AND a.contact_id = k.contact_id
) AS f
GROUP BY k.contact_id, f.order_id;

-- name: contacts_in_bucket
-- Contacts with orders. Index: orders' primary key.
SELECT DISTINCT contact_id FROM orders WHERE account_id = %(account_id)s AND bucket = %(bucket)s;

-- name: attribute
-- Leads orders back to the last click and the last open of their contact, and changes the sums by what differs. For
-- contacts that are locked. A touch that was found before stays a candidate: the activity it is known from may have had its
-- time. Who opened nothing in the window is known from the statistics, without a look at the activity: a batch of orders
-- of people who are sent nothing costs one look-up each. Machines touch nothing.
-- Indexes: orders' and contact_statistics' primary keys, activity_contact of each month in the window, merged_contacts_into,
-- primary keys of attributions, workflow_messages and attribution_totals.
WITH keyed AS MATERIALIZED (
    SELECT k.bucket, k.contact_id, k.order_id, o.day, o.currency, o.gross, o.refunded, o.ordered_at, o.clicks_from,
        o.opens_from, (t.click).occurred_at AS click_at, (t.click).message_id AS click_message, (t.click).campaign_id AS click_campaign,
        (t.opened).occurred_at AS open_at, (t.opened).message_id AS open_message,
        (t.opened).campaign_id AS open_campaign
    FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(order_ids)s::bigint[], %(external_ids)s::text[])
        AS k (bucket, contact_id, order_id, external_id)
    LEFT JOIN attribution_settings s ON s.account_id = %(account_id)s
    CROSS JOIN LATERAL (
        SELECT (ordered_at AT TIME ZONE 'UTC')::date AS day, currency, total AS gross, refunded, ordered_at,
            ordered_at - make_interval(days => coalesce(s.click_days, 5)) AS clicks_from,
            ordered_at - make_interval(days => coalesce(s.open_days, 5)) AS opens_from
        FROM orders
        WHERE account_id = %(account_id)s AND bucket = k.bucket AND contact_id = k.contact_id
            AND external_id = k.external_id AND order_id = k.order_id
            AND upper(status) NOT IN ('CANCELLED', 'ABANDONED_SHOPPING_CART')
        LIMIT 1
    ) AS o
    LEFT JOIN LATERAL (
        SELECT last_open_at FROM contact_statistics
        WHERE account_id = %(account_id)s AND bucket = k.bucket AND contact_id = k.contact_id LIMIT 1
    ) AS st ON true
    CROSS JOIN LATERAL (
        SELECT (array_agg(f ORDER BY f.occurred_at DESC, f.message_id DESC) FILTER (WHERE f.kind = 4
                AND f.occurred_at >= o.clicks_from))[1] AS click,
            (array_agg(f ORDER BY f.occurred_at DESC, f.message_id DESC) FILTER (WHERE
                f.occurred_at >= o.opens_from))[1] AS opened
        FROM contact_activity f
        WHERE f.account_id = %(account_id)s AND f.bucket = k.bucket AND f.contact_id = k.contact_id
            AND f.kind IN (3, 4) AND f.occurred_at <= o.ordered_at
            AND f.occurred_at >= least(o.clicks_from, o.opens_from)
            AND st.last_open_at >= least(o.clicks_from, o.opens_from)
    ) AS t
), old AS MATERIALIZED (
    SELECT a.* FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(order_ids)s::bigint[])
        AS k (bucket, contact_id, order_id)
    CROSS JOIN LATERAL (
        SELECT * FROM attributions
        WHERE account_id = %(account_id)s AND bucket = k.bucket AND contact_id = k.contact_id
            AND order_id = k.order_id LIMIT 1
    ) AS a
), found AS (
    SELECT k.*,
        CASE WHEN k.click_at IS NULL THEN NULL WHEN k.click_campaign <> 0 THEN 1 WHEN cw.workflow_id IS NULL THEN 3
            ELSE 2 END::smallint AS click_source,
        CASE WHEN k.click_at IS NOT NULL THEN coalesce(nullif(k.click_campaign, 0), cw.workflow_id, 0) END
            AS click_source_id,
        CASE WHEN k.open_at IS NULL THEN NULL WHEN k.open_campaign <> 0 THEN 1 WHEN ow.workflow_id IS NULL THEN 3
            ELSE 2 END::smallint AS open_source,
        CASE WHEN k.open_at IS NOT NULL THEN coalesce(nullif(k.open_campaign, 0), ow.workflow_id, 0) END
            AS open_source_id
    FROM keyed k
    LEFT JOIN LATERAL (
        SELECT workflow_id FROM workflow_messages
        WHERE account_id = %(account_id)s AND bucket = (('x' || right(k.click_message::text, 2))::bit(8))::int::smallint
            AND message_id = k.click_message LIMIT 1
    ) AS cw ON k.click_campaign = 0
    LEFT JOIN LATERAL (
        SELECT workflow_id FROM workflow_messages
        WHERE account_id = %(account_id)s AND bucket = (('x' || right(k.open_message::text, 2))::bit(8))::int::smallint
            AND message_id = k.open_message LIMIT 1
    ) AS ow ON k.open_campaign = 0
), fresh AS MATERIALIZED (
    SELECT f.bucket, f.contact_id, f.order_id, f.day, f.currency, f.gross, f.refunded, c.click_at, c.click_message,
        c.click_source, c.click_source_id, v.open_at, v.open_message, v.open_source, v.open_source_id
    FROM found f
    LEFT JOIN old ON old.contact_id = f.contact_id AND old.order_id = f.order_id
    LEFT JOIN LATERAL (
        SELECT * FROM (VALUES (f.click_at, f.click_message, f.click_source, f.click_source_id),
            (old.click_at, old.click_message, old.click_source, old.click_source_id))
            AS c (click_at, click_message, click_source, click_source_id)
        WHERE c.click_at BETWEEN f.clicks_from AND f.ordered_at
        ORDER BY c.click_at DESC, c.click_message DESC LIMIT 1
    ) AS c ON true
    LEFT JOIN LATERAL (
        SELECT * FROM (VALUES (f.open_at, f.open_message, f.open_source, f.open_source_id),
            (old.open_at, old.open_message, old.open_source, old.open_source_id))
            AS v (open_at, open_message, open_source, open_source_id)
        WHERE v.open_at BETWEEN f.opens_from AND f.ordered_at
        ORDER BY v.open_at DESC, v.open_message DESC LIMIT 1
    ) AS v ON true
    WHERE c.click_at IS NOT NULL OR v.open_at IS NOT NULL
), written AS (
    INSERT INTO attributions (account_id, bucket, contact_id, order_id, day, currency, gross, refunded, click_at,
        click_message, click_source, click_source_id, open_at, open_message, open_source, open_source_id)
    SELECT %(account_id)s, f.bucket, f.contact_id, f.order_id, f.day, f.currency, f.gross, f.refunded, f.click_at,
        f.click_message, f.click_source, f.click_source_id, f.open_at, f.open_message, f.open_source, f.open_source_id
    FROM fresh f
    ORDER BY f.bucket, f.contact_id, f.order_id
    ON CONFLICT (account_id, bucket, contact_id, order_id) DO UPDATE SET day = excluded.day,
        currency = excluded.currency, gross = excluded.gross, refunded = excluded.refunded, click_at = excluded.click_at,
        click_message = excluded.click_message, click_source = excluded.click_source,
        click_source_id = excluded.click_source_id, open_at = excluded.open_at, open_message = excluded.open_message,
        open_source = excluded.open_source, open_source_id = excluded.open_source_id
), gone AS (
    DELETE FROM attributions a USING old
    WHERE a.account_id = %(account_id)s AND a.bucket = old.bucket AND a.contact_id = old.contact_id
        AND a.order_id = old.order_id
        AND NOT EXISTS (SELECT FROM fresh f WHERE f.contact_id = old.contact_id AND f.order_id = old.order_id)
), change AS (
    SELECT 1 AS sign, day, currency, gross, refunded, click_source, click_source_id, open_source, open_source_id
    FROM fresh
    UNION ALL
    SELECT -1, day, currency, gross, refunded, click_source, click_source_id, open_source, open_source_id FROM old
)
INSERT INTO attribution_totals AS known (account_id, model, source, source_id, day, currency, shard, orders, gross,
    refunded)
SELECT %(account_id)s, m.model, m.source, m.source_id, c.day, c.currency, %(shard)s, sum(c.sign), sum(c.sign * c.gross),
    sum(c.sign * c.refunded)
FROM change c
CROSS JOIN LATERAL (VALUES
    (1::smallint, c.click_source, c.click_source_id), (2, c.open_source, c.open_source_id),
    (3, coalesce(c.click_source, c.open_source), coalesce(c.click_source_id, c.open_source_id))
) AS m (model, source, source_id)
WHERE m.source IS NOT NULL
GROUP BY m.model, m.source, m.source_id, c.day, c.currency
HAVING sum(c.sign) <> 0 OR sum(c.sign * c.gross) <> 0 OR sum(c.sign * c.refunded) <> 0
ORDER BY 2, 3, 4, 5, 6
ON CONFLICT (account_id, model, source, source_id, day, currency, shard) DO UPDATE SET
    orders = known.orders + excluded.orders, gross = known.gross + excluded.gross,
    refunded = known.refunded + excluded.refunded;

-- name: take_queue
-- Contacts to look at anew, oldest first, those that somebody else is taking left to them. Index: primary key.
DELETE FROM attribution_queue WHERE queue_id = ANY (ARRAY(
    SELECT queue_id FROM attribution_queue ORDER BY queue_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
))
RETURNING account_id, contact_id;

-- name: living
-- Of these contacts, those that were not erased; merged ones as those they are now. Indexes: primary keys of
-- erased_contacts and merged_contacts.
SELECT DISTINCT coalesce(m.into_contact_id, k.contact_id)
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
LEFT JOIN merged_contacts m ON m.account_id = %(account_id)s AND m.bucket = k.bucket AND m.contact_id = k.contact_id
WHERE NOT EXISTS (SELECT FROM erased_contacts e WHERE e.account_id = %(account_id)s AND e.bucket = k.bucket
    AND e.contact_id = k.contact_id);

-- name: stale
-- An account whose windows changed, and the bucket that is next; held until the transaction ends. Few rows.
SELECT account_id, next_bucket FROM attribution_settings WHERE next_bucket IS NOT NULL
ORDER BY account_id LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: looked_at
UPDATE attribution_settings SET next_bucket = %(next_bucket)s WHERE account_id = %(account_id)s;

-- name: totals
-- What each source led to, by model and currency, on days of orders. Index: attribution_totals_day, or the primary key.
-- Names: primary keys of campaigns and workflows.
SELECT t.model, t.source, t.source_id, t.currency, t.orders, t.gross, t.refunded,
    coalesce(CASE t.source WHEN 1 THEN c.name WHEN 2 THEN w.name END, '')
FROM (
    SELECT model, source, source_id, currency, sum(orders)::bigint AS orders, sum(gross) AS gross,
        sum(refunded) AS refunded
    FROM attribution_totals
    WHERE account_id = %(account_id)s AND model = ANY (%(models)s::smallint[])
        AND (%(since)s::date IS NULL OR day >= %(since)s) AND (%(until)s::date IS NULL OR day <= %(until)s)
        AND (%(source)s::smallint IS NULL OR source = %(source)s)
        AND (%(source_id)s::bigint IS NULL OR source_id = %(source_id)s)
    GROUP BY model, source, source_id, currency
    HAVING sum(orders) <> 0 OR sum(gross) <> 0 OR sum(refunded) <> 0
) AS t
LEFT JOIN campaigns c ON t.source = 1 AND c.campaign_id = t.source_id AND c.account_id = %(account_id)s
LEFT JOIN workflows w ON t.source = 2 AND w.workflow_id = t.source_id AND w.account_id = %(account_id)s
ORDER BY t.model, t.gross - t.refunded DESC, t.source, t.source_id, t.currency;

-- name: source_days
-- What each kind of source led to by day of the order. Index: attribution_totals_day.
SELECT day, source, currency, sum(orders)::bigint, sum(gross), sum(refunded) FROM attribution_totals
WHERE account_id = %(account_id)s AND model = %(model)s
    AND (%(since)s::date IS NULL OR day >= %(since)s) AND (%(until)s::date IS NULL OR day <= %(until)s)
GROUP BY day, source, currency
HAVING sum(orders) <> 0 OR sum(gross) <> 0 OR sum(refunded) <> 0
ORDER BY day, source, currency;

-- name: touches
-- The last click and the last open before an order. Indexes: primary keys of attributions, campaigns and workflows.
SELECT t.is_click, t.occurred_at, t.message_id, t.source, t.source_id,
    coalesce(CASE t.source WHEN 1 THEN c.name WHEN 2 THEN w.name END, '')
FROM attributions a
CROSS JOIN LATERAL (VALUES
    (true, a.click_at, a.click_message, a.click_source, a.click_source_id),
    (false, a.open_at, a.open_message, a.open_source, a.open_source_id)
) AS t (is_click, occurred_at, message_id, source, source_id)
LEFT JOIN campaigns c ON t.source = 1 AND c.campaign_id = t.source_id AND c.account_id = %(account_id)s
LEFT JOIN workflows w ON t.source = 2 AND w.workflow_id = t.source_id AND w.account_id = %(account_id)s
WHERE a.account_id = %(account_id)s AND a.bucket = %(bucket)s AND a.contact_id = %(contact_id)s
    AND a.order_id = %(order_id)s AND t.occurred_at IS NOT NULL
ORDER BY t.is_click DESC;

-- name: days
-- What one source led to by day of the order. Index: attribution_totals' primary key.
SELECT day, currency, sum(orders)::bigint, sum(gross), sum(refunded) FROM attribution_totals
WHERE account_id = %(account_id)s AND model = %(model)s AND source = %(source)s AND source_id = %(source_id)s
GROUP BY day, currency
HAVING sum(orders) <> 0 OR sum(gross) <> 0 OR sum(refunded) <> 0
ORDER BY day, currency;
