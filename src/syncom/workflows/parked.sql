-- Journeys that failed, taken up again by hand; and the log of calls.

-- name: take_up
-- The next parked journeys of a workflow behind a key, at one of the steps: they try the step again, or (`skips`) go on behind
-- it. Each as it was. Primary key of enrolments, bucket by bucket.
WITH k AS (
    SELECT * FROM unnest(%(versions)s::integer[], %(steps)s::smallint[], %(to_steps)s::smallint[]) AS k (version, step, to_step)
), before AS MATERIALIZED (
    SELECT e.account_id, e.bucket, e.workflow_id, e.contact_id, e.event_id, e.version, e.step, k.to_step
    FROM enrolments e JOIN k ON k.version = e.version AND k.step = e.step
    WHERE e.account_id = %(account_id)s AND e.bucket = %(bucket)s AND e.workflow_id = %(workflow_id)s AND e.state = 4
        AND (e.contact_id, e.event_id) > (%(contact_id)s, %(event_id)s)
        AND (%(who)s::bigint IS NULL OR e.contact_id = %(who)s OR EXISTS (
            SELECT FROM merged_contacts m WHERE m.account_id = e.account_id AND m.bucket = e.bucket
                AND m.contact_id = e.contact_id AND m.into_contact_id = %(who)s
        ))
    ORDER BY e.contact_id, e.event_id LIMIT %(limit)s FOR UPDATE OF e
), moved AS (
    UPDATE enrolments e SET
        step = CASE WHEN %(skips)s AND b.to_step >= 0 THEN b.to_step ELSE e.step END,
        state = CASE WHEN %(skips)s AND b.to_step < 0 THEN 3 ELSE 1 END,
        resting = e.resting AND NOT %(skips)s, turn = e.turn + %(skips)s::integer, wake_at = %(now)s, changed_at = %(now)s,
        reason = '', path = e.path || ARRAY[e.step, %(outcome)s, extract(epoch FROM %(now)s - e.entered_at)::integer]
    FROM before b
    WHERE e.account_id = b.account_id AND e.bucket = b.bucket AND e.workflow_id = b.workflow_id
        AND e.contact_id = b.contact_id AND e.event_id = b.event_id
)
SELECT contact_id, event_id, version, step, to_step FROM before ORDER BY contact_id, event_id;

-- name: parked_buckets
-- Where there are any. Primary key of enrolments, bucket by bucket.
SELECT b.bucket FROM generate_series(0, 255) AS b (bucket)
WHERE EXISTS (
    SELECT FROM enrolments
    WHERE account_id = %(account_id)s AND bucket = b.bucket::smallint AND workflow_id = %(workflow_id)s AND state = 4
)
ORDER BY 1;

-- name: calls
-- Calls of a workflow behind the cursor. Index workflow_calls_workflow; primary key of merged_contacts.
SELECT c.bucket, c.call_id, coalesce(m.into_contact_id, c.contact_id), c.version, c.step, c.state, c.request, c.attempts,
    c.next_at, c.made_at
FROM workflow_calls c
LEFT JOIN merged_contacts m ON m.account_id = c.account_id AND m.bucket = c.bucket AND m.contact_id = c.contact_id
WHERE c.account_id = %(account_id)s AND c.workflow_id = %(workflow_id)s
    AND (c.bucket, c.call_id) > (%(bucket)s::smallint, %(call_id)s)
ORDER BY c.bucket, c.call_id LIMIT %(limit)s;

-- name: calls_of_contact
-- The same of one contact, and of those merged into it. Indexes workflow_calls_contact and merged_contacts_into.
SELECT c.bucket, c.call_id, %(who)s::bigint, c.version, c.step, c.state, c.request, c.attempts, c.next_at, c.made_at
FROM (
    SELECT (%(who)s::bigint & 255)::smallint AS bucket, %(who)s::bigint AS contact_id
    UNION ALL
    SELECT bucket, contact_id FROM merged_contacts WHERE account_id = %(account_id)s AND into_contact_id = %(who)s
) AS g
JOIN workflow_calls c ON c.account_id = %(account_id)s AND c.bucket = g.bucket AND c.contact_id = g.contact_id
WHERE c.workflow_id = %(workflow_id)s AND (c.bucket, c.call_id) > (%(bucket)s::smallint, %(call_id)s)
ORDER BY c.bucket, c.call_id LIMIT %(limit)s;
