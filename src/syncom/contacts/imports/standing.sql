-- name: standings
-- State of each channel that the contact has an address for, and when it was last decided. Primary keys of contacts and
-- consent_events; see upsert.sql for the shape.
SELECT c.contact_id, CASE WHEN c.email IS NOT NULL THEN c.email_state END,
    CASE WHEN c.phone IS NOT NULL THEN c.sms_state END, decided.email_at, decided.sms_at
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
CROSS JOIN LATERAL (
    SELECT * FROM contacts
    WHERE account_id = %(account_id)s AND bucket = k.bucket AND contact_id = k.contact_id LIMIT 1
) AS c
CROSS JOIN LATERAL (
    SELECT max(occurred_at) FILTER (WHERE channel = 1) AS email_at, max(occurred_at) FILTER (WHERE channel = 2) AS sms_at
    FROM consent_events
    WHERE account_id = %(account_id)s AND bucket = k.bucket AND contact_id = k.contact_id AND category IS NULL
) AS decided

-- name: join_named_lists
-- Lists that somebody deleted meanwhile are left out. Sorted, so that two imports do not wait for each other in a circle.
INSERT INTO list_members (account_id, bucket, list_id, contact_id)
SELECT %(account_id)s, (k.contact_id & 255)::smallint, k.list_id, k.contact_id
FROM unnest(%(contact_ids)s::bigint[], %(list_ids)s::bigint[]) AS k (contact_id, list_id)
JOIN lists l ON l.account_id = %(account_id)s AND l.list_id = k.list_id
ORDER BY 2, 3, 4
ON CONFLICT DO NOTHING
