-- Amounts of several currencies are not added up: where an account names none, that of most of its orders is money.
-- Chosen whenever boundaries are renewed; for those in force now, here.
ALTER TABLE rfm_settings ADD COLUMN IF NOT EXISTS main_currency text NOT NULL DEFAULT '';
UPDATE rfm_settings s SET main_currency = coalesce((
    SELECT upper(o.currency) FROM orders o
    WHERE o.account_id = s.account_id AND o.ordered_at >= coalesce(s.from_at, '-infinity')
        AND upper(o.status) = ANY (s.statuses)
    GROUP BY upper(o.currency) ORDER BY count(*) DESC, upper(o.currency) LIMIT 1), '')
WHERE s.currency = '' AND s.bounded_at IS NOT NULL;
