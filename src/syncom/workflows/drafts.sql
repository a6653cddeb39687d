-- Drafts of workflows, and their versions.

-- name: save_draft
-- What is being written, and the version it began from: the given one, else as before, else the newest.
UPDATE workflows SET draft = %(definition)s::jsonb, drafted_at = %(now)s,
    draft_version = coalesce(%(version)s, draft_version, version)
WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s;

-- name: get_draft
SELECT draft, draft_version, drafted_at, version FROM workflows
WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s;

-- name: drop_draft
UPDATE workflows SET draft = NULL, draft_version = NULL, drafted_at = NULL
WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s;

-- name: versions
-- The newest first, with how many are inside: came to a step or were parked, and did not go from there. Primary keys of
-- workflow_versions and workflow_ways.
SELECT v.version, v.created_at, coalesce(w.inside, 0)::bigint FROM workflow_versions v
LEFT JOIN (
    SELECT version, sum(contacts) FILTER (WHERE to_step >= 0 OR to_step = -3)
        - coalesce(sum(contacts) FILTER (WHERE from_step >= 0 OR from_step = -3), 0) AS inside
    FROM workflow_ways WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s GROUP BY version
) AS w ON w.version = v.version
WHERE v.account_id = %(account_id)s AND v.workflow_id = %(workflow_id)s AND v.version < %(before)s
ORDER BY v.version DESC LIMIT %(limit)s;

-- name: get_version
SELECT version, created_at, definition FROM workflow_versions
WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s AND version = %(version)s;
