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
-- The newest first. Primary key of workflow_versions.
SELECT version, created_at FROM workflow_versions
WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s AND version < %(before)s
ORDER BY version DESC LIMIT %(limit)s;

-- name: get_version
SELECT version, created_at, definition FROM workflow_versions
WHERE account_id = %(account_id)s AND workflow_id = %(workflow_id)s AND version = %(version)s;
