-- What is asked to think journeys through. Nothing here changes anything; transactions are read-only.

-- name: windows
-- When it is such a time of the day of each contact (engine.sql, rest_within). Primary key of contacts.
SELECT next_in_window(k.moment, coalesce(nullif(c.time_zone, ''), a.time_zone), %(begins)s, %(ends)s, %(days)s::smallint[])
FROM unnest(%(contact_ids)s::bigint[], %(moments)s::timestamptz[]) WITH ORDINALITY AS k (contact_id, moment, n)
JOIN accounts a ON a.account_id = %(account_id)s
JOIN contacts c ON c.account_id = a.account_id AND c.bucket = (k.contact_id & 255)::smallint AND c.contact_id = k.contact_id
ORDER BY k.n

-- name: times
-- When it is this time of the day of each (engine.sql, rest_until_time). Primary key of contacts.
SELECT next_at(k.moment, coalesce(nullif(c.time_zone, ''), a.time_zone), %(at)s, %(days)s::smallint[])
FROM unnest(%(contact_ids)s::bigint[], %(moments)s::timestamptz[]) WITH ORDINALITY AS k (contact_id, moment, n)
JOIN accounts a ON a.account_id = %(account_id)s
JOIN contacts c ON c.account_id = a.account_id AND c.bucket = (k.contact_id & 255)::smallint AND c.contact_id = k.contact_id
ORDER BY k.n

-- name: field_days
-- The day that a field of each holds (engine.sql, rest_until_field); NULL: none. Primary key of contacts.
SELECT day_of_field(c.fields ->> %(field)s, k.moment, coalesce(nullif(c.time_zone, ''), a.time_zone), %(days)s, %(at)s,
    %(yearly)s)
FROM unnest(%(contact_ids)s::bigint[], %(moments)s::timestamptz[]) WITH ORDINALITY AS k (contact_id, moment, n)
JOIN accounts a ON a.account_id = %(account_id)s
JOIN contacts c ON c.account_id = a.account_id AND c.bucket = (k.contact_id & 255)::smallint AND c.contact_id = k.contact_id
ORDER BY k.n

-- name: branches
-- The branch of a split that each journey takes (engine.sql, choose_by_chance).
SELECT width_bucket(split_share(k.event_id, %(seed)s, k.turn, %(total)s), %(bounds)s::integer[])
FROM unnest(%(event_ids)s::uuid[], %(turns)s::integer[]) WITH ORDINALITY AS k (event_id, turn, n)
ORDER BY k.n

-- name: about
-- Of each contact that an event names: who it is now, whether it is there, and its share of the holdout. Primary keys of
-- merged_contacts and contacts.
SELECT k.contact_id, coalesce(m.into_contact_id, k.contact_id), c.contact_id IS NOT NULL,
    holdout_share(k.contact_id, %(workflow_id)s)
FROM unnest(%(contact_ids)s::bigint[]) AS k (contact_id)
LEFT JOIN merged_contacts m ON m.account_id = %(account_id)s AND m.bucket = (k.contact_id & 255)::smallint
    AND m.contact_id = k.contact_id
LEFT JOIN contacts c ON c.account_id = %(account_id)s
    AND c.bucket = (coalesce(m.into_contact_id, k.contact_id) & 255)::smallint
    AND c.contact_id = coalesce(m.into_contact_id, k.contact_id)

-- name: entered_before
-- What the rules of entry know of these contacts (and of those merged into them) from before a moment: the value of the key,
-- when it came in last, and until when it was inside. Primary key of enrolments; index merged_contacts_into.
SELECT k.contact_id, e.entry_key, max(e.entered_at),
    max(CASE WHEN e.state IN (1, 2, 4) THEN %(forever)s WHEN e.state = 7 THEN e.entered_at ELSE e.changed_at END)
FROM unnest(%(contact_ids)s::bigint[]) AS k (contact_id)
CROSS JOIN LATERAL (
    SELECT k.contact_id AS contact_id
    UNION ALL
    SELECT m.contact_id FROM merged_contacts m
    WHERE m.account_id = %(account_id)s AND m.into_contact_id = k.contact_id
) AS g
JOIN enrolments e ON e.account_id = %(account_id)s AND e.bucket = (g.contact_id & 255)::smallint
    AND e.workflow_id = %(workflow_id)s AND e.contact_id = g.contact_id AND e.entered_at < %(before)s
GROUP BY 1, 2

-- name: count_events
-- How many there are of a time, up to a limit. Index: events_type.
SELECT count(*) FROM (
    SELECT FROM events
    WHERE account_id = %(account_id)s AND event_type_id = %(event_type_id)s
        AND occurred_at >= %(since)s AND occurred_at < %(until)s
    LIMIT %(limit)s
) AS e

-- name: events
-- Those of a time, contact by contact as they are known now, in their order: what one contact did is together. Of nobody
-- known first. Index: events_type; primary key of merged_contacts.
SELECT coalesce(m.into_contact_id, e.contact_id) AS who, e.contact_id, e.event_id, e.occurred_at, e.params
FROM events e
LEFT JOIN merged_contacts m ON m.account_id = e.account_id AND m.bucket = e.bucket AND m.contact_id = e.contact_id
WHERE e.account_id = %(account_id)s AND e.event_type_id = %(event_type_id)s
    AND e.occurred_at >= %(since)s AND e.occurred_at < %(until)s
ORDER BY who, e.occurred_at, e.event_id

-- name: count_moves
-- How many, up to a limit and what one pass more moved. Index: segment_moves_segment.
SELECT coalesce(sum(contacts), 0)::bigint FROM (
    SELECT cardinality(CASE WHEN %(entered)s THEN entered ELSE left_it END) AS contacts FROM segment_moves
    WHERE account_id = %(account_id)s AND bucket = (%(segment_id)s::bigint & 255)::smallint AND segment_id = %(segment_id)s
        AND cause = ANY (%(causes)s::smallint[]) AND moved_at >= %(since)s AND moved_at < %(until)s
        AND cardinality(CASE WHEN %(entered)s THEN entered ELSE left_it END) > 0
    LIMIT %(limit)s
) AS m

-- name: moves
-- Entries or exits of a segment, in the same way; ids are made of what they say. Index: segment_moves_segment.
SELECT coalesce(m.into_contact_id, u.contact_id) AS who, u.contact_id,
    md5(format('%%s %%s %%s', s.segment_id, u.contact_id, extract(epoch FROM s.moved_at)))::uuid AS move_id, s.moved_at,
    '{}'::jsonb
FROM segment_moves s
CROSS JOIN LATERAL unnest(CASE WHEN %(entered)s THEN s.entered ELSE s.left_it END) AS u (contact_id)
LEFT JOIN merged_contacts m ON m.account_id = s.account_id AND m.bucket = (u.contact_id & 255)::smallint
    AND m.contact_id = u.contact_id
WHERE s.account_id = %(account_id)s AND s.bucket = (%(segment_id)s::bigint & 255)::smallint
    AND s.segment_id = %(segment_id)s AND s.cause = ANY (%(causes)s::smallint[])
    AND s.moved_at >= %(since)s AND s.moved_at < %(until)s
ORDER BY who, s.moved_at, move_id

-- name: happened
-- Events of these types of contacts (and of those merged into them), of each from its moment on. Index: events_contact, one
-- look a contact; the sum keeps the planner from looking through all events of the types for each (measured: fifty times as
-- long while statistics are old).
WITH k AS MATERIALIZED (
    SELECT contact_id, since
    FROM unnest(%(contact_ids)s::bigint[], %(moments)s::timestamptz[]) AS k (contact_id, since)
), g AS MATERIALIZED (
    SELECT contact_id AS who, (contact_id & 255)::smallint AS bucket, contact_id, since FROM k
    UNION ALL
    SELECT k.contact_id, m.bucket, m.contact_id, k.since FROM k
    JOIN merged_contacts m ON m.account_id = %(account_id)s AND m.into_contact_id = k.contact_id
)
SELECT g.who, e.event_type_id, e.occurred_at, e.event_id, e.params
FROM g
CROSS JOIN LATERAL (
    SELECT * FROM events
    WHERE account_id = %(account_id)s AND bucket = g.bucket AND contact_id = g.contact_id
        AND occurred_at >= g.since AND occurred_at < %(until)s
        AND event_type_id + 0 = ANY (%(event_type_ids)s::bigint[])
    OFFSET 0
) AS e

-- name: trigger_segment
-- The segment whose moves let contacts into a version. Index: workflow_watches_version.
SELECT segment_id, entered FROM workflow_watches
WHERE workflow_id = %(workflow_id)s AND version = %(version)s AND cause = 1 AND segment_id IS NOT NULL
