-- Statements of sending policies.

-- name: in_force
SELECT coalesce(p.policy, '{}') AS policy, a.time_zone, p.counting_since, coalesce(p.counting_days, 0) AS counting_days
FROM accounts a LEFT JOIN sending_policies p ON p.account_id = a.account_id
WHERE a.account_id = %(account_id)s;

-- name: save
-- Counting goes on, or begins, while there are caps; without them it ends.
INSERT INTO sending_policies AS p (account_id, policy, counting_since, counting_days)
VALUES (%(account_id)s, %(policy)s, CASE WHEN %(days)s > 0 THEN %(now)s::timestamptz END, %(days)s)
ON CONFLICT (account_id) DO UPDATE
SET policy = excluded.policy, updated_at = now(), counting_days = excluded.counting_days,
    counting_since = CASE WHEN excluded.counting_days > 0 THEN coalesce(p.counting_since, excluded.counting_since) END;

-- name: count_from_now
-- Somebody asks for a cap of so many days: every message claims its place from now on.
INSERT INTO sending_policies AS p (account_id, counting_since, counting_days)
VALUES (%(account_id)s, %(now)s, %(days)s)
ON CONFLICT (account_id) DO UPDATE
SET counting_since = coalesce(p.counting_since, excluded.counting_since),
    counting_days = greatest(p.counting_days, excluded.counting_days)
RETURNING counting_since, counting_days;
