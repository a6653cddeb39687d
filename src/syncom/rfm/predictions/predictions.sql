-- name: state
-- Index: prediction_models' primary key.
SELECT model, problem, fitted_at, predicted_at FROM prediction_models WHERE account_id = %(account_id)s;

-- name: save_model
INSERT INTO prediction_models (account_id, model, problem, fitted_at)
VALUES (%(account_id)s, %(model)s::jsonb, %(problem)s, %(now)s)
ON CONFLICT (account_id) DO UPDATE SET model = excluded.model, problem = excluded.problem, fitted_at = excluded.fitted_at;

-- name: predicted
UPDATE prediction_models SET predicted_at = %(now)s WHERE account_id = %(account_id)s;

-- name: due
-- Accounts with scored customers whose predictions are older. Index: primary keys; an account is a row.
SELECT s.account_id FROM rfm_settings s
LEFT JOIN prediction_models m ON m.account_id = s.account_id
WHERE s.bounded_at IS NOT NULL AND (m.predicted_at IS NULL OR m.predicted_at < %(before)s)
ORDER BY s.account_id;

-- name: customers
-- What the models need of the customers of some buckets: days with orders after the first, weeks from the first to the
-- last, weeks until now, and what such a day came to on average. Orders count as they do for scores, but for the window.
-- Index: orders' primary key, a range of it.
SELECT d.contact_id, count(*) - 1, (max(d.day) - min(d.day)) / 7.0, (%(today)s::date - min(d.day)) / 7.0,
    coalesce((sum(d.revenue) - (array_agg(d.revenue ORDER BY d.day))[1]) / nullif(count(*) - 1, 0), 0)
FROM (
    SELECT o.bucket, o.contact_id, (o.ordered_at AT TIME ZONE 'UTC')::date AS day,
        coalesce(sum(rfm_revenue(s.revenue, o.total, o.refunded, o.details))
            FILTER (WHERE upper(o.currency) = coalesce(nullif(s.currency, ''), s.main_currency)), 0) AS revenue
    FROM rfm_settings s
    JOIN orders o ON o.account_id = s.account_id AND upper(o.status) = ANY (s.statuses)
    WHERE s.account_id = %(account_id)s AND o.account_id = %(account_id)s
      AND o.bucket >= %(from_bucket)s AND o.bucket < %(to_bucket)s AND o.ordered_at < %(today)s::date + 1
      AND EXISTS (SELECT FROM contacts c
                  WHERE c.account_id = o.account_id AND c.bucket = o.bucket AND c.contact_id = o.contact_id)
    GROUP BY o.bucket, o.contact_id, day
) AS d
GROUP BY d.bucket, d.contact_id
ORDER BY d.bucket, d.contact_id;

-- name: write
-- What is expected of the customers of some buckets, where it changed enough to matter; whoever is no customer any more
-- goes. Index: contact_predictions' primary key.
WITH found AS (
    SELECT * FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(orders_30_days)s::numeric[],
        %(orders_90_days)s::numeric[], %(churn)s::numeric[], %(next_order_on)s::date[], %(order_value)s::numeric[],
        %(lifetime_value)s::numeric[])
        AS k (bucket, contact_id, orders_30_days, orders_90_days, churn, next_order_on, order_value, lifetime_value)
), gone AS (
    DELETE FROM contact_predictions p
    WHERE p.account_id = %(account_id)s AND p.bucket >= %(from_bucket)s AND p.bucket < %(to_bucket)s
      AND NOT EXISTS (SELECT FROM found f WHERE f.bucket = p.bucket AND f.contact_id = p.contact_id)
)
INSERT INTO contact_predictions AS p (account_id, bucket, contact_id, orders_30_days, orders_90_days, churn,
    next_order_on, order_value, lifetime_value, predicted_at)
SELECT %(account_id)s, f.bucket, f.contact_id, f.orders_30_days, f.orders_90_days, f.churn, f.next_order_on,
    f.order_value, f.lifetime_value, %(now)s
FROM found f
WHERE EXISTS (SELECT FROM contacts c
              WHERE c.account_id = %(account_id)s AND c.bucket = f.bucket AND c.contact_id = f.contact_id)
ORDER BY f.bucket, f.contact_id
ON CONFLICT (account_id, bucket, contact_id) DO UPDATE SET orders_30_days = excluded.orders_30_days,
    orders_90_days = excluded.orders_90_days, churn = excluded.churn, next_order_on = excluded.next_order_on,
    order_value = excluded.order_value, lifetime_value = excluded.lifetime_value, predicted_at = excluded.predicted_at
WHERE abs(p.orders_90_days - excluded.orders_90_days) > 0.001 + 0.02 * excluded.orders_90_days
   OR abs(coalesce(p.churn, -1) - coalesce(excluded.churn, -1)) > 0.005
   OR (p.next_order_on IS NULL) <> (excluded.next_order_on IS NULL)
   OR abs(p.next_order_on - excluded.next_order_on) > greatest(1, (excluded.next_order_on - %(now)s::date) / 20)
   OR abs(coalesce(p.order_value, -1) - coalesce(excluded.order_value, -1)) > 0.01 * coalesce(excluded.order_value, 0)
   OR abs(coalesce(p.lifetime_value, -1) - coalesce(excluded.lifetime_value, -1))
      > 0.01 + 0.02 * coalesce(excluded.lifetime_value, 0);

-- name: of_contact
-- Index: contact_predictions' primary key.
SELECT contact_id, orders_30_days, orders_90_days, churn, next_order_on, order_value, lifetime_value, predicted_at
FROM contact_predictions
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s;
