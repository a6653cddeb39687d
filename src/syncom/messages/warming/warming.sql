-- Statements of warm-ups.

-- name: select
-- Of these senders. Primary key.
SELECT w.sender_id, w.started_on, w.first, w.growth, w.target, a.time_zone, w.day, w.taken
FROM warm_ups w JOIN accounts a ON a.account_id = w.account_id
WHERE w.sender_id = ANY(%(sender_ids)s::bigint[]);

-- name: save
-- A changed plan goes on from its first day, a new one begins today.
INSERT INTO warm_ups AS w (sender_id, account_id, started_on, first, growth, target)
VALUES (%(sender_id)s, %(account_id)s, %(today)s, %(first)s, %(growth)s, %(target)s)
ON CONFLICT (sender_id) DO UPDATE
SET first = excluded.first, growth = excluded.growth, target = excluded.target;

-- name: delete
DELETE FROM warm_ups WHERE account_id = %(account_id)s AND sender_id = %(sender_id)s;

-- name: take
-- As many of the day's allowance as are wanted and left; NULL for `allowed`: whatever is wanted, which is counted.
WITH present AS (
    SELECT sender_id, CASE WHEN day = %(today)s THEN taken ELSE 0 END AS taken
    FROM warm_ups WHERE sender_id = %(sender_id)s FOR UPDATE
), granted AS (
    SELECT sender_id, taken, greatest(0, least(%(wanted)s, coalesce(%(allowed)s::integer - taken, %(wanted)s))) AS count
    FROM present
)
UPDATE warm_ups w SET day = %(today)s, taken = g.taken + g.count FROM granted g WHERE w.sender_id = g.sender_id
RETURNING g.count::integer;

-- name: give_back
UPDATE warm_ups SET taken = greatest(0, taken - %(count)s) WHERE sender_id = %(sender_id)s AND day = %(day)s;
