-- name: keeping_ledger
-- Accounts that do not keep it for ever, and the days.
SELECT account_id, keep_ledger_days FROM accounts WHERE keep_ledger_days > 0;

-- name: keeping_activity
SELECT account_id, keep_activity_days FROM accounts WHERE keep_activity_days > 0;

-- name: keeping_segment_moves
-- Who came and went is kept as long as what contacts did.
SELECT account_id, keep_activity_days FROM accounts WHERE keep_activity_days > 0;

-- name: keeping_events
SELECT account_id, keep_events_days FROM accounts WHERE keep_events_days > 0;

-- name: keeping_carts
SELECT account_id, keep_carts_days FROM accounts WHERE keep_carts_days > 0;

-- name: keeping_workflow_messages
-- Whose a message was is asked when it was sent or something happens to it: as long as either is kept.
SELECT account_id, greatest(keep_ledger_days, keep_activity_days) FROM accounts
WHERE keep_ledger_days > 0 AND keep_activity_days > 0;

-- name: delete_carts
-- A batch of an account's carts that are done with: ordered, told of, empty, or of nobody, and not touched since. Those that are
-- still to be told of stay. Index: the part of carts' primary key that is the account's, read once in a round.
DELETE FROM carts WHERE (account_id, cart) IN (
    SELECT account_id, cart FROM carts
    WHERE account_id = %(account_id)s AND due_at IS NULL AND greatest(changed_at, ordered_at, named_at) < %(before)s
    LIMIT %(limit)s FOR UPDATE SKIP LOCKED
);

-- name: oldest_under_way
-- When the oldest campaign of each account that is not over was launched.
SELECT account_id, min(launched_at) FROM campaigns
WHERE state IN ('expanding', 'sending', 'paused') AND launched_at IS NOT NULL
GROUP BY account_id;

-- name: ledger_kept_from
-- Noted before the first row goes.
UPDATE accounts a SET ledger_kept_from = k.kept_from
FROM unnest(%(account_ids)s::bigint[], %(moments)s::timestamptz[]) AS k (account_id, kept_from)
WHERE a.account_id = k.account_id AND (a.ledger_kept_from IS NULL OR a.ledger_kept_from < k.kept_from);

-- name: delete_calls
-- A batch of calls that are done or given up, and were written down before a moment. Index: workflow_calls_time.
DELETE FROM workflow_calls WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM workflow_calls WHERE made_at < %(before)s AND state > 1 LIMIT %(limit)s
));
