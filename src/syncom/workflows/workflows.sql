-- name: add_workflow
INSERT INTO workflows (account_id, name, version, event_type_id, segment_id)
VALUES (%(account_id)s, %(name)s, 1, %(event_type_id)s, %(segment_id)s)
RETURNING workflow_id;

-- name: add_version
INSERT INTO workflow_versions (workflow_id, version, account_id, definition)
VALUES (%(workflow_id)s, %(version)s, %(account_id)s, %(definition)s::jsonb);

-- name: lock_workflow
-- Who moves contacts holds the workflow shared, so they are done when this returns.
SELECT status, version, event_type_id, segment_id FROM workflows
WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s FOR UPDATE;

-- name: change_workflow
UPDATE workflows SET name = coalesce(%(name)s, name), version = %(version)s, event_type_id = %(event_type_id)s,
    segment_id = %(segment_id)s, updated_at = now()
WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s;

-- name: set_status
UPDATE workflows SET status = %(status)s, updated_at = now()
WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s;

-- name: pause_enrolments
-- Index: enrolments_workflow.
UPDATE enrolments SET state = 2, changed_at = now()
WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s AND state = 1;

-- name: wake_enrolments
-- Those a stop has paused, and those that failed. Index: enrolments_workflow.
UPDATE enrolments SET state = 1, reason = '', wake_at = CASE WHEN state = 4 THEN now() ELSE wake_at END,
    changed_at = now()
WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s AND state IN (2, 4);

-- name: other_followers
-- Whether another active workflow begins with the same. Indexes: workflows_trigger, workflows_segment.
SELECT EXISTS (
    SELECT FROM workflows
    WHERE (event_type_id = %(event_type_id)s OR segment_id = %(segment_id)s) AND status = 'active'
        AND workflow_id <> %(workflow_id)s
);

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
-- Index: enrolments_workflow.
SELECT state, count(*) FROM enrolments WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s
GROUP BY state;

-- name: triggered
-- Active workflows that begin with one of these types or segments, held as they are until the transaction ends. Indexes:
-- workflows_trigger, workflows_segment.
SELECT w.workflow_id, w.event_type_id, w.segment_id, w.version, v.definition
FROM workflows w JOIN workflow_versions v ON v.workflow_id = w.workflow_id AND v.version = w.version
WHERE w.status = 'active'
    AND (w.event_type_id = ANY (%(event_type_ids)s::bigint[]) OR w.segment_id = ANY (%(segment_ids)s::bigint[]))
ORDER BY w.workflow_id
FOR SHARE OF w;

-- name: enrol
-- Primary key of enrolments.
INSERT INTO enrolments (account_id, bucket, workflow_id, event_id, contact_id, version, params)
SELECT account_id, bucket, workflow_id, event_id, contact_id, version, params::jsonb
FROM unnest(%(account_ids)s::bigint[], %(buckets)s::smallint[], %(workflow_ids)s::bigint[], %(event_ids)s::uuid[],
    %(contact_ids)s::bigint[], %(versions)s::integer[], string_to_array(%(params)s, E'\x1f'))
    AS k (account_id, bucket, workflow_id, event_id, contact_id, version, params)
WHERE event_id IS NOT NULL
ORDER BY 1, 2, 3, 4
ON CONFLICT DO NOTHING;

-- name: of_trigger
-- Active workflows of an account that begin with a type. Index: workflows_trigger.
SELECT w.workflow_id, w.name, v.definition
FROM workflows w JOIN workflow_versions v ON v.workflow_id = w.workflow_id AND v.version = w.version
WHERE w.account_id = %(account_id)s AND w.status = 'active' AND w.event_type_id = %(event_type_id)s
ORDER BY w.workflow_id;

-- name: count_entered
-- How many of these events have let their contacts in. Primary key of enrolments.
SELECT count(*)
FROM unnest(%(buckets)s::smallint[], %(event_ids)s::uuid[]) AS k (bucket, event_id)
JOIN enrolments e ON e.account_id = %(account_id)s AND e.bucket = k.bucket AND e.workflow_id = %(workflow_id)s
    AND e.event_id = k.event_id;

-- name: due_buckets
-- Groups of 16 buckets in which somebody's time has come. Index: enrolments_due.
SELECT DISTINCT bucket / 16 FROM enrolments WHERE state = 1 AND wake_at <= now();

-- name: claim_group
-- Whether this transaction alone moves the contacts of these buckets now.
SELECT pg_try_advisory_xact_lock(%(lock)s);

-- name: due
-- Those whose time has come longest ago, as whom they are now. Indexes: enrolments_due; primary key of merged_contacts.
SELECT e.account_id, e.bucket, e.workflow_id, e.event_id, coalesce(m.into_contact_id, e.contact_id) AS contact_id,
    e.version, e.step, e.params
FROM enrolments e
LEFT JOIN merged_contacts m ON m.account_id = e.account_id AND m.bucket = e.bucket AND m.contact_id = e.contact_id
WHERE e.state = 1 AND e.wake_at <= now() AND e.bucket >= %(first)s AND e.bucket < %(first)s + 16
ORDER BY e.wake_at LIMIT %(limit)s;

-- name: hold_active
-- Those of these workflows that are active, held so until the transaction ends.
SELECT workflow_id FROM workflows WHERE workflow_id = ANY (%(workflow_ids)s::bigint[]) AND status = 'active'
ORDER BY workflow_id FOR SHARE;

-- name: versions
SELECT v.workflow_id, v.version, v.definition
FROM workflow_versions v
JOIN unnest(%(workflow_ids)s::bigint[], %(versions)s::integer[]) AS k (workflow_id, version)
    ON v.workflow_id = k.workflow_id AND v.version = k.version;

-- name: move
-- Contacts go on, if they are where they were read. Primary key of enrolments.
UPDATE enrolments e
SET step = k.step, state = k.state, wake_at = now() + k.wait * interval '1 second', reason = k.reason,
    changed_at = now()
FROM unnest(%(account_ids)s::bigint[], %(buckets)s::smallint[], %(workflow_ids)s::bigint[], %(event_ids)s::uuid[],
    %(old_steps)s::smallint[], %(steps)s::smallint[], %(states)s::smallint[], %(waits)s::float8[],
    string_to_array(%(reasons)s, E'\x1f'))
    AS k (account_id, bucket, workflow_id, event_id, old_step, step, state, wait, reason)
WHERE e.account_id = k.account_id AND e.bucket = k.bucket AND e.workflow_id = k.workflow_id
    AND e.event_id = k.event_id AND e.state = 1 AND e.step = k.old_step;

-- name: note_messages
-- Messages that workflows queued; one that is queued again is known. Index: workflow_messages' primary key.
INSERT INTO workflow_messages (account_id, bucket, message_id, contact_id, workflow_id)
SELECT %(account_id)s, k.bucket, k.message_id, k.contact_id, k.workflow_id
FROM unnest(%(buckets)s::smallint[], %(message_ids)s::uuid[], %(contact_ids)s::bigint[], %(workflow_ids)s::bigint[])
    AS k (bucket, message_id, contact_id, workflow_id)
ORDER BY k.bucket, k.message_id
ON CONFLICT DO NOTHING
