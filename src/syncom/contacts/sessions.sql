-- name: put_session
INSERT INTO api_sessions (session_id, account_id, kind, status, description, contacts, import_id)
VALUES (%(session_id)s, %(account_id)s, %(kind)s, %(status)s, %(description)s, %(contacts)s::jsonb, %(import_id)s)
ON CONFLICT (session_id) DO UPDATE SET status = excluded.status, description = excluded.description,
    contacts = excluded.contacts, import_id = excluded.import_id, changed_at = now()

-- name: get_session
-- Primary key; an upload shows where its import is.
SELECT s.kind, s.status, s.description, s.contacts, s.changed_at, i.state, i.problem, i.created, i.updated, i.unchanged,
    i.failed, i.finished_at, s.import_id
FROM api_sessions s
LEFT JOIN imports i ON s.import_id <> 0 AND i.import_id = s.import_id AND i.account_id = s.account_id
WHERE s.session_id = %(session_id)s AND s.account_id = %(account_id)s

-- name: forget_sessions
-- Index api_sessions_changed.
DELETE FROM api_sessions WHERE changed_at < now() - %(days)s * interval '1 day'
