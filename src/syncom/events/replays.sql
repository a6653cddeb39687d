-- name: add
-- The replay, with how many events it will take. Index: events_type of each month.
INSERT INTO event_replays (account_id, event_type_id, since, until, anew, rate, last_at, events)
SELECT %(account_id)s, %(event_type_id)s, %(since)s, %(until)s, %(anew)s, %(rate)s, %(since)s, (
    SELECT count(*) FROM events
    WHERE account_id = %(account_id)s AND event_type_id = %(event_type_id)s
        AND occurred_at >= %(since)s AND occurred_at < %(until)s AND contact_id <> 0
)
RETURNING replay_id

-- name: list
-- The newest first; of one number, if it is given. Index: event_replays_account.
SELECT r.replay_id, t.key, r.since, r.until, r.anew, r.rate, r.status, r.events, r.replayed, r.created_at, r.finished_at
FROM event_replays r JOIN event_types t ON t.event_type_id = r.event_type_id
WHERE r.account_id = %(account_id)s AND (%(replay_id)s::bigint IS NULL OR r.replay_id = %(replay_id)s)
ORDER BY r.replay_id DESC LIMIT %(limit)s

-- name: is_followed
SELECT followed FROM event_types WHERE account_id = %(account_id)s AND event_type_id = %(event_type_id)s

-- name: cancel
UPDATE event_replays SET status = 'cancelled', finished_at = now()
WHERE account_id = %(account_id)s AND replay_id = %(replay_id)s AND status = 'running'

-- name: due
-- A replay whose turn it is; one at a time takes it. Index: event_replays_due.
SELECT replay_id, account_id, event_type_id, until, anew, rate, last_at, last_id FROM event_replays
WHERE status = 'running' AND next_at <= now() ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED

-- name: put
-- The next events of known contacts into the change log, oldest first: how many, and the newest of them. Index: events_type
-- of each month.
WITH next AS MATERIALIZED (
    SELECT event_id, contact_id, occurred_at FROM events
    WHERE account_id = %(account_id)s AND event_type_id = %(event_type_id)s AND occurred_at >= %(last_at)s
        AND (occurred_at, event_id) > (%(last_at)s, %(last_id)s) AND occurred_at < %(until)s AND contact_id <> 0
    ORDER BY occurred_at, event_id LIMIT %(limit)s
), put AS (
    INSERT INTO followed_events (account_id, event_type_id, contact_id, event_id, occurred_at, replay_id)
    SELECT %(account_id)s, %(event_type_id)s, contact_id, event_id, occurred_at, %(anew_by)s::bigint FROM next
    ORDER BY occurred_at, event_id
)
SELECT count(*) OVER (), occurred_at, event_id FROM next ORDER BY occurred_at DESC, event_id DESC LIMIT 1

-- name: go_on
UPDATE event_replays SET replayed = replayed + %(count)s, last_at = %(last_at)s, last_id = %(last_id)s,
    next_at = now() + %(pause)s * interval '1 second',
    status = CASE WHEN %(done)s THEN 'done' ELSE status END,
    finished_at = CASE WHEN %(done)s THEN now() END
WHERE replay_id = %(replay_id)s
