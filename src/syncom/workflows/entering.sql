-- Letting contacts in.

-- name: lock_entries
-- Those who let others into these workflows wait: rules look at who is inside.
SELECT pg_advisory_xact_lock(lock) FROM unnest(%(locks)s::bigint[]) AS k (lock)

-- name: enrol
-- Who comes in, by workflow and state. A contact has the journeys of those merged into it. Primary keys of enrolments
-- and contacts; index merged_contacts_into.
WITH k AS MATERIALIZED (
    SELECT *, (contact_id & 255)::smallint AS bucket
    FROM unnest(%(account_ids)s::bigint[], %(workflow_ids)s::bigint[], %(versions)s::integer[],
        %(contact_ids)s::bigint[], %(event_ids)s::uuid[], %(moments)s::timestamptz[],
        string_to_array(%(params)s, E'\x1f'), string_to_array(%(keys)s, E'\x1f'), %(again)s::smallint[],
        %(days)s::integer[], %(one_active)s::boolean[], %(holdouts)s::smallint[], %(chains)s::smallint[])
        AS k (account_id, workflow_id, version, contact_id, event_id, moment, params, entry_key, again, days, one_active,
            holdout, chain)
    WHERE contact_id IS NOT NULL
), entered AS (
    INSERT INTO enrolments (account_id, bucket, workflow_id, contact_id, event_id, version, step, state, wake_at, params,
        entry_key, entered_at, changed_at, chain)
    SELECT k.account_id, k.bucket, k.workflow_id, k.contact_id, k.event_id, k.version, 0,
        CASE WHEN holdout_share(k.contact_id, k.workflow_id) < k.holdout THEN 7 ELSE 1 END,
        k.moment, k.params::jsonb, k.entry_key, %(now)s, %(now)s, k.chain
    FROM k
    WHERE NOT ((k.again > 0 OR k.one_active) AND EXISTS (
        SELECT FROM (
            SELECT k.bucket AS bucket, k.contact_id AS contact_id
            UNION ALL
            SELECT m.bucket, m.contact_id FROM merged_contacts m
            WHERE m.account_id = k.account_id AND m.into_contact_id = k.contact_id
        ) AS g
        JOIN enrolments x ON x.account_id = k.account_id AND x.bucket = g.bucket AND x.workflow_id = k.workflow_id
            AND x.contact_id = g.contact_id AND x.entry_key = k.entry_key
        WHERE k.again = 1 OR (k.again = 2 AND x.entered_at > %(now)s - k.days * interval '1 day')
            OR (k.one_active AND x.state IN (1, 2, 4))
    ))
    ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT DO NOTHING
    RETURNING account_id, workflow_id, version, state
)
SELECT account_id, workflow_id, version, state, count(*) FROM entered GROUP BY 1, 2, 3, 4

-- name: note_held_out
-- Who is held out and matches the condition of a goal already has reached it, as those who walk do when they come to it.
-- Index workflow_watches_version; primary keys of contact_segments and enrolments.
UPDATE enrolments e SET converted_at = %(now)s
FROM unnest(%(account_ids)s::bigint[], %(workflow_ids)s::bigint[], %(versions)s::integer[], %(contact_ids)s::bigint[],
    %(event_ids)s::uuid[]) AS k (account_id, workflow_id, version, contact_id, event_id)
JOIN workflow_watches t ON t.workflow_id = k.workflow_id AND t.version = k.version AND t.cause = 3
JOIN contact_segments s ON s.account_id = k.account_id AND s.bucket = (k.contact_id & 255)::smallint
    AND s.contact_id = k.contact_id AND s.segment_ids @> ARRAY[t.segment_id]
WHERE e.account_id = k.account_id AND e.bucket = (k.contact_id & 255)::smallint AND e.workflow_id = k.workflow_id
    AND e.contact_id = k.contact_id AND e.event_id = k.event_id AND e.state = 7 AND e.converted_at IS NULL
