-- name: delete_contacts
-- Ids that existed. The rows go to deleted_contacts with their lists. Primary keys; index list_members_contact.
WITH gone AS (
    DELETE FROM contacts c
    USING unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
    WHERE c.account_id = %(account_id)s AND c.bucket = k.bucket AND c.contact_id = k.contact_id
    RETURNING c.*
)
INSERT INTO deleted_contacts (account_id, bucket, contact_id, contact, lists)
SELECT g.account_id, g.bucket, g.contact_id, to_jsonb(g), coalesce(
    (SELECT jsonb_agg(jsonb_build_object('list_id', m.list_id, 'added_at', m.added_at)) FROM list_members m
     WHERE m.account_id = g.account_id AND m.bucket = g.bucket AND m.contact_id = g.contact_id), '[]')
FROM gone g
RETURNING contact_id

-- name: delete_identities
-- Index identities_contact.
WITH gone AS (
    DELETE FROM identities WHERE account_id = %(account_id)s AND contact_id = ANY (%(contact_ids)s::bigint[])
    RETURNING account_id, kind, value, contact_id
)
INSERT INTO deleted_identities (account_id, kind, value, contact_id) SELECT * FROM gone
ON CONFLICT DO NOTHING

-- name: leave_lists
-- Index list_members_contact.
DELETE FROM list_members m
USING unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
WHERE m.account_id = %(account_id)s AND m.bucket = k.bucket AND m.contact_id = k.contact_id

-- name: find_deleted
-- Places (from 1) of the identities that lead to deleted contacts; of several the one that was deleted last.
SELECT DISTINCT ON (k.n) k.n, d.contact_id
FROM unnest(%(kinds)s::smallint[], string_to_array(%(values)s, E'\x1f')) WITH ORDINALITY AS k (kind, value, n)
JOIN deleted_identities i ON i.account_id = %(account_id)s AND i.kind = k.kind AND i.value = k.value
JOIN deleted_contacts d ON d.account_id = i.account_id AND d.bucket = (i.contact_id & 255)::smallint
    AND d.contact_id = i.contact_id
ORDER BY k.n, d.deleted_at DESC, d.contact_id DESC

-- name: restore_contacts
-- Ids that were deleted. Lists that are gone meanwhile stay gone.
WITH back AS (
    DELETE FROM deleted_contacts d
    USING unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
    WHERE d.account_id = %(account_id)s AND d.bucket = k.bucket AND d.contact_id = k.contact_id
    RETURNING d.account_id, d.bucket, d.contact_id, d.contact, d.lists
), listed AS (
    INSERT INTO list_members (account_id, bucket, list_id, contact_id, added_at)
    SELECT b.account_id, b.bucket, l.list_id, b.contact_id, l.added_at
    FROM back b, jsonb_to_recordset(b.lists) AS l (list_id bigint, added_at timestamptz)
    WHERE EXISTS (SELECT FROM lists o WHERE o.account_id = b.account_id AND o.list_id = l.list_id)
    ORDER BY 1, 2, 3, 4
    ON CONFLICT DO NOTHING
)
INSERT INTO contacts (account_id, bucket, contact_id, email, phone, external_id, contact_key, first_name, last_name,
    country, region, city, address, postcode, language, time_zone, fields, email_state, sms_state, push_state,
    created_at, updated_at)
SELECT b.account_id, b.bucket, b.contact_id, c.email, c.phone, c.external_id, c.contact_key, c.first_name, c.last_name,
    c.country, c.region, c.city, c.address, c.postcode, c.language, c.time_zone, c.fields, c.email_state, c.sms_state,
    c.push_state, c.created_at, now()
FROM back b, jsonb_populate_record(NULL::contacts, b.contact) AS c
RETURNING contact_id

-- name: restore_identities
-- Those that nobody else has now. Index deleted_identities_contact.
WITH back AS (
    DELETE FROM deleted_identities
    WHERE account_id = %(account_id)s AND contact_id = ANY (%(contact_ids)s::bigint[])
    RETURNING account_id, kind, value, contact_id
)
INSERT INTO identities (account_id, kind, value, contact_id) SELECT * FROM back ORDER BY kind, value, contact_id
ON CONFLICT DO NOTHING

-- name: drop_lost_identities
-- A restored contact keeps no primary identity that somebody else has now.
UPDATE contacts c SET
    email = CASE WHEN i.kinds @> '{1}' THEN c.email END, phone = CASE WHEN i.kinds @> '{2}' THEN c.phone END,
    external_id = CASE WHEN i.kinds @> '{3}' THEN c.external_id END,
    contact_key = CASE WHEN i.kinds @> '{4}' THEN c.contact_key END
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
CROSS JOIN LATERAL (
    SELECT o.email, o.phone, o.external_id, o.contact_key FROM contacts o
    WHERE o.account_id = %(account_id)s AND o.bucket = k.bucket AND o.contact_id = k.contact_id
) AS o
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(kind::int), '{}') AS kinds FROM identities
    WHERE account_id = %(account_id)s AND contact_id = k.contact_id
        AND value = CASE kind WHEN 1 THEN o.email WHEN 2 THEN o.phone WHEN 3 THEN o.external_id
            WHEN 4 THEN o.contact_key END
) AS i
WHERE c.account_id = %(account_id)s AND c.bucket = k.bucket AND c.contact_id = k.contact_id

-- name: forget_deleted
-- Ids of deleted contacts that are erased now.
WITH gone AS (
    DELETE FROM deleted_contacts d
    USING unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
    WHERE d.account_id = %(account_id)s AND d.bucket = k.bucket AND d.contact_id = k.contact_id
    RETURNING d.contact_id
), named AS (
    DELETE FROM deleted_identities
    WHERE account_id = %(account_id)s AND contact_id = ANY (%(contact_ids)s::bigint[])
)
SELECT contact_id FROM gone
