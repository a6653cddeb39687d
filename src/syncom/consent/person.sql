-- name: lists
SELECT jsonb_build_object('list', l.name, 'joined_at', m.added_at) FROM list_members m
JOIN lists l ON l.account_id = m.account_id AND l.list_id = m.list_id
WHERE m.account_id = %(account_id)s AND m.bucket = ANY (%(buckets)s::smallint[])
    AND m.contact_id = ANY (%(contact_ids)s::bigint[])
ORDER BY m.added_at

-- name: categories
SELECT jsonb_build_object('category', g.name, 'key', g.key, 'chosen_at', k.added_at) FROM contact_categories k
JOIN subscription_categories g ON g.account_id = k.account_id AND g.category_id = k.category_id
WHERE k.account_id = %(account_id)s AND k.bucket = ANY (%(buckets)s::smallint[])
    AND k.contact_id = ANY (%(contact_ids)s::bigint[])
UNION ALL
SELECT jsonb_build_object('category', g.name, 'key', g.key, 'declined_at', d.declined_at) FROM declined_categories d
JOIN subscription_categories g ON g.account_id = d.account_id AND g.category_id = d.category_id
WHERE d.account_id = %(account_id)s AND d.bucket = ANY (%(buckets)s::smallint[])
    AND d.contact_id = ANY (%(contact_ids)s::bigint[])

-- name: segments
SELECT jsonb_build_object('segment', s.name) FROM contact_segments k
JOIN segments s ON s.account_id = k.account_id AND s.segment_id = ANY (k.segment_ids)
WHERE k.account_id = %(account_id)s AND k.bucket = ANY (%(buckets)s::smallint[])
    AND k.contact_id = ANY (%(contact_ids)s::bigint[])

-- name: events
SELECT to_jsonb(e) - 'account_id' - 'bucket' || jsonb_build_object('type', t.key) FROM events e
JOIN event_types t ON t.event_type_id = e.event_type_id
WHERE e.account_id = %(account_id)s AND e.bucket = ANY (%(buckets)s::smallint[])
    AND e.contact_id = ANY (%(contact_ids)s::bigint[])
ORDER BY e.occurred_at

-- name: by_contact
-- Rows of a table that has no bucket, by its index of contacts.
SELECT to_jsonb(t) - 'account_id' FROM {table} t
WHERE t.account_id = %(account_id)s AND t.contact_id = ANY (%(contact_ids)s::bigint[])

-- name: owned
-- Rows of a table that contacts own: its primary key, or its index of contacts.
SELECT to_jsonb(t) - 'account_id' - 'bucket' FROM {table} t
WHERE t.account_id = %(account_id)s AND t.bucket = ANY (%(buckets)s::smallint[])
    AND t.contact_id = ANY (%(contact_ids)s::bigint[])
