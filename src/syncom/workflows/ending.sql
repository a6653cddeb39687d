-- Workflows that come to their end.

-- name: ending
-- Those whose journeys are to leave, and those that are drained. Index: workflows_ending.
SELECT workflow_id, account_id, emptying FROM workflows WHERE emptying OR status = 'draining' ORDER BY workflow_id;

-- name: set_emptying
UPDATE workflows SET emptying = %(emptying)s WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s;

-- name: is_emptying
SELECT emptying FROM workflows WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s;

-- name: let_out
-- Some of those inside leave, of 16 buckets; how many, by version, state and step before. Nobody of a workflow that was
-- started anew meanwhile. Primary key of enrolments.
WITH before AS MATERIALIZED (
    SELECT account_id, bucket, workflow_id, contact_id, event_id, version, state, step FROM enrolments
    WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s AND state IN (1, 2, 4)
        AND bucket = ANY (ARRAY(SELECT generate_series(%(group)s * 16, %(group)s * 16 + 15)::smallint))
        AND EXISTS (SELECT FROM workflows WHERE workflow_id = %(workflow_id)s AND emptying)
    ORDER BY 1, 2, 3, 4, 5 LIMIT %(limit)s FOR UPDATE
), moved AS (
    UPDATE enrolments e SET state = 6, resting = false, turn = e.turn + 1, changed_at = %(now)s, reason = %(reason)s,
        path = e.path || ARRAY[e.step, %(outcome)s, extract(epoch FROM %(now)s - e.entered_at)::integer]
    FROM before b
    WHERE e.account_id = b.account_id AND e.bucket = b.bucket AND e.workflow_id = b.workflow_id
        AND e.contact_id = b.contact_id AND e.event_id = b.event_id
)
SELECT version, state, step, count(*) FROM before GROUP BY 1, 2, 3;

-- name: counted_inside
-- Those inside by the counts of ways: came to steps, less went from there. Primary key of workflow_ways.
SELECT coalesce(sum(contacts) FILTER (WHERE to_step >= 0), 0) - coalesce(sum(contacts) FILTER (WHERE from_step >= 0), 0)
FROM workflow_ways WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s;

-- name: somebody_inside
-- Whether anybody is, parked ones too. Primary key of enrolments, bucket by bucket.
SELECT EXISTS (
    SELECT FROM enrolments
    WHERE account_id = %(account_id)s AND bucket = ANY (ARRAY(SELECT generate_series(0, 255)::smallint))
        AND workflow_id = %(workflow_id)s AND state IN (1, 2, 4)
);
