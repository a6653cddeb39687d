-- Calls of workflows: whose turn it is, and what came of them.

-- name: lease
-- Due calls of each target, in turn, the first ones first: as many as are wanted, and of a target no more than it has room for.
-- Nobody else makes them until their lease ends. Index: workflow_calls_target, target by target.
WITH RECURSIVE targets AS (
    (SELECT account_id, target FROM workflow_calls WHERE state = 1 ORDER BY account_id, target LIMIT 1)
    UNION ALL
    SELECT n.account_id, n.target FROM targets t CROSS JOIN LATERAL (
        SELECT account_id, target FROM workflow_calls
        WHERE state = 1 AND (account_id, target) > (t.account_id, t.target) ORDER BY account_id, target LIMIT 1
    ) AS n
), busy AS (
    SELECT * FROM unnest(%(account_ids)s::bigint[], string_to_array(%(targets)s, E'\x1f'), %(rooms)s::integer[])
        AS k (account_id, target, room)
), due AS (
    SELECT c.*, row_number() OVER (PARTITION BY t.account_id, t.target ORDER BY c.next_at) AS place
    FROM targets t LEFT JOIN busy b ON b.account_id = t.account_id AND b.target = t.target CROSS JOIN LATERAL (
        SELECT account_id, bucket, call_id, next_at FROM workflow_calls
        WHERE state = 1 AND account_id = t.account_id AND target = t.target AND next_at <= %(now)s
        ORDER BY next_at LIMIT coalesce(b.room, %(room)s)
    ) AS c
), chosen AS MATERIALIZED (
    SELECT account_id, bucket, call_id FROM due ORDER BY place, next_at LIMIT %(limit)s
), free AS MATERIALIZED (
    SELECT c.account_id, c.bucket, c.call_id FROM workflow_calls c
    JOIN chosen k ON c.account_id = k.account_id AND c.bucket = k.bucket AND c.call_id = k.call_id
    WHERE c.state = 1 AND c.next_at <= %(now)s
    FOR UPDATE OF c SKIP LOCKED
)
UPDATE workflow_calls c SET begun_at = coalesce(c.begun_at, %(now)s), leased_until = l.until, next_at = l.until
FROM free f, (VALUES ('webhook', %(webhook_until)s::timestamptz), ('action', %(action_until)s::timestamptz)) AS l (type, until)
WHERE c.account_id = f.account_id AND c.bucket = f.bucket AND c.call_id = f.call_id AND c.request ->> 'type' = l.type
RETURNING c.account_id, c.bucket, c.call_id, c.workflow_id, c.version, c.step, c.target, c.request, c.begun_at, c.leased_until,
    c.failures, c.tries, c.changes;

-- name: settle
-- What came of calls whose lease is still held, and where the journeys go that wait for them; how many went where. Of a call
-- that was taken what it said is forgotten; the newest 40 attempts are kept. Primary keys of workflow_calls and enrolments.
WITH k AS MATERIALIZED (
    SELECT * FROM unnest(%(account_ids)s::bigint[], %(buckets)s::smallint[], %(call_ids)s::uuid[], %(leases)s::timestamptz[],
        %(states)s::smallint[], %(moments)s::timestamptz[], %(known)s::boolean[], string_to_array(%(attempts)s, E'\x1f'),
        string_to_array(%(answers)s, E'\x1f'), %(to_steps)s::smallint[], %(outcomes)s::smallint[],
        string_to_array(%(reasons)s, E'\x1f'))
        AS k (account_id, bucket, call_id, lease, state, moment, known, attempt, answer, to_step, outcome, reason)
    WHERE account_id IS NOT NULL
), called AS (
    UPDATE workflow_calls c SET state = k.state, next_at = k.moment, leased_until = NULL,
        failures = c.failures + 1, tries = c.tries + k.known::integer,
        request = CASE WHEN k.state = 2 THEN c.request - ARRAY['headers', 'body', 'input'] ELSE c.request END,
        attempts = CASE WHEN jsonb_array_length(c.attempts) >= 40 THEN c.attempts - 0 ELSE c.attempts END || k.attempt::jsonb
    FROM k
    WHERE c.account_id = k.account_id AND c.bucket = k.bucket AND c.call_id = k.call_id AND c.state = 1
        AND c.leased_until = k.lease
    RETURNING c.account_id, c.bucket, c.workflow_id, c.contact_id, c.event_id, c.version, c.step, c.turn, k.state, k.answer,
        k.to_step, k.outcome, k.reason
), here AS MATERIALIZED (
    SELECT c.* FROM called c
    JOIN enrolments e ON e.account_id = c.account_id AND e.bucket = c.bucket AND e.workflow_id = c.workflow_id
        AND e.contact_id = c.contact_id AND e.event_id = c.event_id
    WHERE c.state > 1 AND e.version = c.version AND e.step = c.step AND e.turn = c.turn AND e.resting AND e.state IN (1, 2)
    ORDER BY e.account_id, e.bucket, e.workflow_id, e.contact_id, e.event_id FOR UPDATE OF e
), moved AS (
    UPDATE enrolments e SET step = CASE WHEN h.to_step < 0 THEN e.step ELSE h.to_step END,
        state = CASE h.to_step WHEN -3 THEN 4 WHEN -1 THEN 3 ELSE e.state END, resting = false,
        turn = e.turn + (h.to_step <> -3)::integer, wake_at = %(now)s, changed_at = %(now)s, reason = h.reason,
        params = CASE WHEN h.to_step = -3 THEN e.params ELSE e.params || jsonb_build_object('answer', h.answer::jsonb) END,
        path = e.path || ARRAY[e.step, h.outcome, extract(epoch FROM %(now)s - e.entered_at)::integer]
    FROM here h
    WHERE e.account_id = h.account_id AND e.bucket = h.bucket AND e.workflow_id = h.workflow_id
        AND e.contact_id = h.contact_id AND e.event_id = h.event_id
)
SELECT account_id, workflow_id, version, step, to_step, count(*) FROM here GROUP BY 1, 2, 3, 4, 5;
