-- name: add_workflow
INSERT INTO workflows (account_id, name, version)
VALUES (%(account_id)s, %(name)s, 1)
RETURNING workflow_id;

-- name: add_version
INSERT INTO workflow_versions (workflow_id, version, account_id, definition)
VALUES (%(workflow_id)s, %(version)s, %(account_id)s, %(definition)s::jsonb);

-- name: lock_workflow
-- Who moves contacts holds the workflow shared, so they are done when this returns.
SELECT status, version FROM workflows
WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s FOR UPDATE;

-- name: change_workflow
UPDATE workflows SET name = coalesce(%(name)s, name), version = %(version)s, updated_at = now()
WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s;

-- name: set_status
UPDATE workflows SET status = %(status)s, updated_at = now()
WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s;

-- name: wake_paused
-- Those whose time came while it was paused. Primary key of enrolments, bucket by bucket.
UPDATE enrolments SET state = 1, changed_at = now()
WHERE account_id = %(account_id)s AND bucket = ANY (ARRAY(SELECT generate_series(0, 255)::smallint))
    AND workflow_id = %(workflow_id)s AND state = 2;

-- name: list_workflows
-- Index: workflows_account.
SELECT w.workflow_id, w.name, w.status, w.version, v.definition, w.created_at, w.updated_at
FROM workflows w JOIN workflow_versions v ON v.workflow_id = w.workflow_id AND v.version = w.version
WHERE w.account_id = %(account_id)s
ORDER BY w.workflow_id OFFSET %(offset)s LIMIT %(limit)s;

-- name: count_workflows
SELECT count(*) FROM workflows WHERE account_id = %(account_id)s;

-- name: get_workflow
SELECT w.workflow_id, w.name, w.status, w.version, v.definition, w.created_at, w.updated_at
FROM workflows w JOIN workflow_versions v ON v.workflow_id = w.workflow_id AND v.version = w.version
WHERE w.account_id = %(account_id)s AND w.workflow_id = %(workflow_id)s;

-- name: counts
-- Primary key of enrolments, bucket by bucket.
SELECT e.state, sum(e.contacts)::bigint FROM generate_series(0, 255) AS b (bucket)
CROSS JOIN LATERAL (
    SELECT state, count(*) AS contacts FROM enrolments
    WHERE account_id = %(account_id)s AND bucket = b.bucket::smallint AND workflow_id = %(workflow_id)s GROUP BY state
) AS e
GROUP BY e.state;

-- name: figures
-- Of each workflow that somebody came into: how many came in, are waiting, are parked, finished, and left. Primary key of
-- workflow_ways.
SELECT workflow_id, coalesce(sum(contacts) FILTER (WHERE from_step = -1), 0)::bigint,
    (coalesce(sum(contacts) FILTER (WHERE to_step >= 0), 0) - coalesce(sum(contacts) FILTER (WHERE from_step >= 0), 0))::bigint,
    (coalesce(sum(contacts) FILTER (WHERE to_step = -3), 0) - coalesce(sum(contacts) FILTER (WHERE from_step = -3), 0))::bigint,
    coalesce(sum(contacts) FILTER (WHERE to_step = -1), 0)::bigint,
    coalesce(sum(contacts) FILTER (WHERE to_step IN (-2, -4)), 0)::bigint
FROM workflow_ways WHERE account_id = %(account_id)s GROUP BY workflow_id ORDER BY workflow_id;

-- name: newest
-- Workflows of these that let contacts in, held as they are until the transaction ends.
SELECT w.workflow_id, w.version, v.definition
FROM workflows w JOIN workflow_versions v ON v.workflow_id = w.workflow_id AND v.version = w.version
WHERE w.workflow_id = ANY (%(workflow_ids)s::bigint[]) AND w.status = 'active'
ORDER BY w.workflow_id
FOR SHARE OF w;

-- name: versions
SELECT v.workflow_id, v.version, v.definition
FROM workflow_versions v
JOIN unnest(%(workflow_ids)s::bigint[], %(versions)s::integer[]) AS k (workflow_id, version)
    ON v.workflow_id = k.workflow_id AND v.version = k.version;

-- name: of_trigger
-- Active workflows of an account that begin with a type. Index: workflow_watches_event.
SELECT DISTINCT w.workflow_id, w.name, t.filter
FROM workflow_watches t JOIN workflows w ON w.workflow_id = t.workflow_id AND w.version = t.version
WHERE t.event_type_id = %(event_type_id)s AND t.cause = 1 AND w.account_id = %(account_id)s AND w.status = 'active'
ORDER BY w.workflow_id;

-- name: count_entered
-- How many of these events have let their contacts in. Primary key of enrolments.
SELECT count(*)
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(event_ids)s::uuid[]) AS k (bucket, contact_id, event_id)
JOIN enrolments e ON e.account_id = %(account_id)s AND e.bucket = k.bucket AND e.workflow_id = %(workflow_id)s
    AND e.contact_id = k.contact_id AND e.event_id = k.event_id;

-- name: add_watches
INSERT INTO workflow_watches (account_id, workflow_id, version, cause, step, event_type_id, segment_id, entered, filter)
SELECT %(account_id)s, %(workflow_id)s, %(version)s, cause, step, event_type_id, segment_id, entered, filter::jsonb
FROM unnest(%(causes)s::smallint[], %(steps)s::smallint[], %(event_type_ids)s::bigint[], %(segment_ids)s::bigint[],
    %(entered)s::boolean[], string_to_array(%(filters)s, E'\x1f'))
    AS k (cause, step, event_type_id, segment_id, entered, filter)
WHERE cause IS NOT NULL;

-- name: watches_of
-- What a workflow looks at, and whether any of it is what lets nobody in. Index: workflow_watches_version.
SELECT event_type_id, segment_id, bool_or(cause <> 1) FROM workflow_watches WHERE workflow_id = %(workflow_id)s
GROUP BY event_type_id, segment_id;

-- name: watched_by_others
-- Those of these types and segments that other workflows need to hear of.
SELECT DISTINCT t.event_type_id, t.segment_id
FROM workflow_watches t JOIN workflows w ON w.workflow_id = t.workflow_id
WHERE (t.event_type_id = ANY (%(event_type_ids)s::bigint[]) OR t.segment_id = ANY (%(segment_ids)s::bigint[]))
    AND w.workflow_id <> %(workflow_id)s
    AND CASE WHEN t.cause = 1 THEN w.status = 'active' AND t.version = w.version
        ELSE w.status IN ('active', 'paused', 'draining') END;

-- name: watches
-- What looks at these types and segments, held as it is until the transaction ends: triggers of workflows that let in, and
-- everything of those that are not at rest. Indexes: workflow_watches_event, workflow_watches_segment.
SELECT t.workflow_id, t.version, t.cause, t.step, t.event_type_id, t.segment_id, t.entered, t.filter
FROM workflow_watches t JOIN workflows w ON w.workflow_id = t.workflow_id
WHERE (t.event_type_id = ANY (%(event_type_ids)s::bigint[]) OR t.segment_id = ANY (%(segment_ids)s::bigint[]))
    AND CASE WHEN t.cause = 1 THEN w.status = 'active' AND t.version = w.version
        ELSE w.status IN ('active', 'paused', 'draining') END
ORDER BY t.watch_id
FOR SHARE OF w;

-- name: forget_watches
-- What versions look at in which nobody is inside any more, but the newest; the hidden segments among it. Primary key of
-- enrolments, bucket by bucket.
DELETE FROM workflow_watches t USING workflows w
WHERE w.workflow_id = t.workflow_id AND w.workflow_id = %(workflow_id)s AND t.version < w.version
    AND NOT EXISTS (
        SELECT FROM enrolments e
        WHERE e.account_id = w.account_id AND e.bucket = ANY (ARRAY(SELECT generate_series(0, 255)::smallint))
            AND e.workflow_id = w.workflow_id AND e.version = t.version AND e.state IN (1, 2, 4)
    )
RETURNING t.segment_id;

-- name: note_messages
-- Messages that workflows queued; one that is queued again is known. Index: workflow_messages' primary key.
INSERT INTO workflow_messages (account_id, bucket, message_id, contact_id, workflow_id, version, step, queued_at, is_copy)
SELECT %(account_id)s, k.bucket, k.message_id, k.contact_id, k.workflow_id, k.version, k.step, %(now)s, k.is_copy
FROM unnest(%(buckets)s::smallint[], %(message_ids)s::uuid[], %(contact_ids)s::bigint[], %(workflow_ids)s::bigint[],
    %(versions)s::integer[], %(steps)s::smallint[], %(copies)s::boolean[])
    AS k (bucket, message_id, contact_id, workflow_id, version, step, is_copy)
ORDER BY k.bucket, k.message_id
ON CONFLICT DO NOTHING;

-- name: add_calls
-- Calls to make, of one step; one that was given up is made anew, and has another key when it asks for something else. Primary
-- key of workflow_calls.
INSERT INTO workflow_calls AS c (account_id, bucket, call_id, contact_id, workflow_id, event_id, version, step, turn, target,
    request, next_at, made_at)
SELECT %(account_id)s, k.bucket, k.call_id, k.contact_id, %(workflow_id)s, k.event_id, %(version)s, %(step)s, k.turn, %(target)s,
    k.request::jsonb, %(now)s, %(now)s
FROM unnest(%(buckets)s::smallint[], %(call_ids)s::uuid[], %(contact_ids)s::bigint[], %(event_ids)s::uuid[],
    %(turns)s::integer[], string_to_array(%(requests)s, E'\x1f'))
    AS k (bucket, call_id, contact_id, event_id, turn, request)
WHERE k.bucket IS NOT NULL
ORDER BY k.bucket, k.call_id
ON CONFLICT (account_id, bucket, call_id) DO UPDATE SET state = 1, request = excluded.request, target = excluded.target,
    changes = c.changes + (c.request IS DISTINCT FROM excluded.request)::integer, begun_at = NULL, failures = 0,
    next_at = excluded.next_at, leased_until = NULL, made_at = excluded.made_at
    WHERE c.state = 3;
