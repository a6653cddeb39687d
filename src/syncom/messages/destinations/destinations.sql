-- Statements of destinations.

-- name: pressed
-- Those of these senders that may be slowed or rest. Primary key.
SELECT sender_id, destination, rate, ceiling, nullif(slowed_at, '-infinity') AS slowed_at,
       nullif(rests_until, '-infinity') AS rests_until, problem
FROM sender_destinations
WHERE sender_id = ANY(%(sender_ids)s::bigint[]) AND (rests_until > %(now)s OR slowed_at > %(now)s::timestamptz - interval '1 day')
ORDER BY sender_id, destination;

-- name: slow
-- Unless another process wrote down the same a moment ago: one burst of refusals is one request to be slower.
INSERT INTO sender_destinations AS d (account_id, sender_id, destination, rate, ceiling, slowed_at, problem)
SELECT account_id, sender_id, %(destination)s, %(rate)s, %(ceiling)s, %(now)s, %(problem)s
FROM senders WHERE sender_id = %(sender_id)s
ON CONFLICT (sender_id, destination) DO UPDATE
SET rate = excluded.rate, ceiling = excluded.ceiling, slowed_at = excluded.slowed_at, problem = excluded.problem
WHERE d.slowed_at < excluded.slowed_at - make_interval(secs => %(patience)s);

-- name: rest
INSERT INTO sender_destinations AS d (account_id, sender_id, destination, rests_until, problem)
SELECT account_id, sender_id, %(destination)s, %(until)s, %(problem)s FROM senders WHERE sender_id = %(sender_id)s
ON CONFLICT (sender_id, destination) DO UPDATE
SET rests_until = greatest(d.rests_until, excluded.rests_until), problem = excluded.problem;

-- name: open_bucket
INSERT INTO sender_destinations (account_id, sender_id, destination)
SELECT account_id, sender_id, %(destination)s FROM senders WHERE sender_id = %(sender_id)s
ON CONFLICT DO NOTHING;

-- name: take_permits
-- Permits of the bucket that all processes share: as many as wanted and there, leaving `reserve` for more urgent mail.
WITH bucket AS (
    SELECT sender_id, destination,
           least(%(burst)s, tokens + CASE WHEN tokens_at = '-infinity' THEN %(burst)s
                 ELSE %(rate)s * extract(epoch FROM clock_timestamp() - tokens_at)::float8 END) AS tokens
    FROM sender_destinations WHERE sender_id = %(sender_id)s AND destination = %(destination)s FOR UPDATE
), taken AS (
    SELECT sender_id, destination, tokens, greatest(0, least(%(wanted)s, floor(tokens - %(reserve)s))) AS granted FROM bucket
)
UPDATE sender_destinations d SET tokens = taken.tokens - taken.granted, tokens_at = clock_timestamp()
FROM taken WHERE d.sender_id = taken.sender_id AND d.destination = taken.destination
RETURNING taken.granted::integer;

-- name: wake
-- A person ends the rest of a sender's destinations.
UPDATE sender_destinations SET rests_until = '-infinity', slowed_at = '-infinity', rate = NULL, ceiling = NULL, problem = ''
WHERE account_id = %(account_id)s AND sender_id = %(sender_id)s;
