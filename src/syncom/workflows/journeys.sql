-- Journeys as they are looked at, and moved to another version.

-- name: ways
-- How many took each way. Primary key of workflow_ways.
SELECT version, from_step, to_step, sum(contacts)::bigint FROM workflow_ways
WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s
GROUP BY version, from_step, to_step;

-- name: of_contact
-- Journeys of a contact, and of those merged into it, the newest first. Primary keys of enrolments and merged_contacts.
SELECT e.workflow_id, e.event_id, %(contact_id)s::bigint, e.version, e.state, e.step, e.resting, e.wake_at, e.reason, e.params,
    e.entered_at, e.changed_at, e.converted_at, e.path
FROM (
    SELECT %(bucket)s::smallint AS bucket, %(contact_id)s::bigint AS contact_id
    UNION ALL
    SELECT bucket, contact_id FROM merged_contacts
    WHERE account_id = %(account_id)s AND into_contact_id = %(contact_id)s
) AS g
JOIN workflows w ON w.account_id = %(account_id)s
    AND (%(workflow_id)s::bigint IS NULL OR w.workflow_id = %(workflow_id)s)
JOIN enrolments e ON e.account_id = %(account_id)s AND e.bucket = g.bucket AND e.workflow_id = w.workflow_id
    AND e.contact_id = g.contact_id
ORDER BY e.entered_at DESC, e.event_id LIMIT %(limit)s;

-- name: of_workflow
-- Journeys of a workflow by bucket and contact, behind the cursor; `state`, `step`: those there only; `through`: those who
-- went on from this step of the version (what is before a move to it, outcome 13, was in another). Primary key of
-- enrolments.
SELECT e.workflow_id, e.event_id, coalesce(m.into_contact_id, e.contact_id), e.version, e.state, e.step, e.resting,
    e.wake_at, e.reason, e.params, e.entered_at, e.changed_at, e.converted_at, e.path, e.bucket, e.contact_id
FROM (
    SELECT * FROM enrolments
    WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s
        AND (bucket, contact_id, event_id) > (%(bucket)s::smallint, %(contact_id)s, %(event_id)s)
        AND bucket >= %(bucket)s::smallint
        AND (%(state)s::smallint IS NULL OR state = %(state)s)
        AND (%(step)s::smallint IS NULL OR (version = %(version)s AND step = %(step)s))
        AND (%(through)s::smallint IS NULL OR (version = %(version)s AND EXISTS (
            SELECT FROM generate_series(1, cardinality(path), 3) AS p (at)
            WHERE path[p.at] = %(through)s AND path[p.at + 1] NOT IN (0, 8, 10, 11, 13, 16) AND p.at > coalesce((
                SELECT max(q.at) FROM generate_series(1, cardinality(path), 3) AS q (at) WHERE path[q.at + 1] = 13
            ), 0)
        )))
    ORDER BY bucket, contact_id, event_id LIMIT %(limit)s
) AS e
LEFT JOIN merged_contacts m ON m.account_id = e.account_id AND m.bucket = e.bucket AND m.contact_id = e.contact_id
ORDER BY e.bucket, e.contact_id, e.event_id;

-- name: all_versions
SELECT version, definition FROM workflow_versions WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s;

-- name: standing
-- Who is inside a version, by step. Primary key of enrolments, bucket by bucket.
SELECT e.step, sum(e.contacts)::bigint FROM generate_series(0, 255) AS b (bucket)
CROSS JOIN LATERAL (
    SELECT step, count(*) AS contacts FROM enrolments
    WHERE account_id = %(account_id)s AND bucket = b.bucket::smallint AND workflow_id = %(workflow_id)s
        AND version = %(version)s AND state IN (1, 2, 4)
    GROUP BY step
) AS e
GROUP BY e.step;

-- name: migrate
-- Journeys of a version to another: who rests at a step of the same kind rests on, the others begin theirs anew.
WITH k AS (
    SELECT * FROM unnest(%(from_steps)s::smallint[], %(to_steps)s::smallint[], %(same)s::boolean[])
        AS k (from_step, to_step, same)
), before AS MATERIALIZED (
    SELECT e.account_id, e.bucket, e.workflow_id, e.contact_id, e.event_id, e.state, k.*
    FROM enrolments e JOIN k ON k.from_step = e.step
    WHERE e.account_id = %(account_id)s AND e.bucket = ANY (ARRAY(SELECT generate_series(0, 255)::smallint))
        AND e.workflow_id = %(workflow_id)s AND e.version = %(from_version)s AND e.state IN (1, 2, 4)
    ORDER BY e.bucket, e.contact_id, e.event_id FOR UPDATE OF e
), moved AS (
    UPDATE enrolments e SET version = %(to_version)s, step = b.to_step, resting = e.resting AND b.same,
        wake_at = CASE WHEN e.resting AND NOT b.same THEN %(now)s ELSE e.wake_at END,
        state = CASE WHEN e.state = 4 THEN 1 ELSE e.state END, reason = '', turn = e.turn + 1, changed_at = %(now)s,
        path = e.path || ARRAY[%(from_version)s, 13, extract(epoch FROM %(now)s - e.entered_at)::integer]
    FROM before b
    WHERE e.account_id = b.account_id AND e.bucket = b.bucket AND e.workflow_id = b.workflow_id
        AND e.contact_id = b.contact_id AND e.event_id = b.event_id
)
SELECT from_step, to_step, count(*), count(*) FILTER (WHERE state = 4) FROM before GROUP BY 1, 2;
