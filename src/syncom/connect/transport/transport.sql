-- Statements of the transport.

-- name: note_activity
-- Once a minute for each connection that is used; updated_at stays: nothing was changed. Index: the primary key.
UPDATE connections SET last_active_at = %(now)s WHERE connection_id = ANY(%(connection_ids)s::text[]);
