-- Letting contacts in at times.

-- name: begin
-- From now on; a workflow that lets in already goes on where it is.
INSERT INTO workflow_timetable (workflow_id, account_id, done_until, next_at)
VALUES (%(workflow_id)s, %(account_id)s, %(now)s, %(next_at)s)
ON CONFLICT DO NOTHING

-- name: end
DELETE FROM workflow_timetable WHERE workflow_id = %(workflow_id)s

-- name: due
-- A workflow for which there is something to do; nobody pauses or changes it until the transaction ends. Index:
-- workflow_timetable_next.
SELECT w.workflow_id FROM workflow_timetable t JOIN workflows w ON w.workflow_id = t.workflow_id
WHERE t.next_at <= %(now)s AND w.status = 'active'
ORDER BY t.next_at, w.workflow_id LIMIT 1
FOR SHARE OF w

-- name: mark
-- How far it has come: read once it is held, since a pause may have taken it away meanwhile.
SELECT t.account_id, t.done_until, t.looking_until, t.after_bucket, t.after_contact_id, v.definition -> 'trigger'
FROM workflow_timetable t
JOIN workflows w ON w.workflow_id = t.workflow_id
JOIN workflow_versions v ON v.workflow_id = w.workflow_id AND v.version = w.version
WHERE t.workflow_id = %(workflow_id)s AND t.next_at <= %(now)s AND w.status = 'active'

-- name: move_mark
UPDATE workflow_timetable SET done_until = %(done_until)s, looking_until = %(looking_until)s,
    after_bucket = %(after_bucket)s, after_contact_id = %(after_contact_id)s, next_at = %(next_at)s
WHERE workflow_id = %(workflow_id)s

-- name: whose_day
-- Contacts whose moment is after `since` and not after `until`, with the moment and the day it is where they are. `near`
-- leaves one contact in a hundred to be looked at closely: by one pass over the account's contacts as they lie. In the
-- order of the primary key, which the limit suggests, each would be on another page (measured: six times as long).
WITH near AS MATERIALIZED (
    SELECT c.bucket, c.contact_id, {value} AS value, coalesce(nullif(c.time_zone, ''), a.time_zone) AS zone
    FROM contacts c JOIN accounts a ON a.account_id = c.account_id
    WHERE c.account_id = %(account_id)s AND {near}
), found AS MATERIALIZED (
    SELECT bucket, contact_id, zone, day_of_field_if_any(value, %(since)s, zone, %(days)s, %(at)s, %(yearly)s) AS moment
    FROM near
    WHERE (bucket, contact_id) > (%(after_bucket)s::smallint, %(after_contact_id)s::bigint)
)
SELECT bucket, contact_id, moment, (moment AT TIME ZONE zone)::date FROM found
WHERE moment > %(since)s AND moment <= %(until)s
ORDER BY bucket, contact_id LIMIT %(limit)s

-- name: in_segment
-- Everybody in a segment. Indexes: the primary key of contacts, and what the condition names.
SELECT c.bucket, c.contact_id
FROM contacts c
WHERE c.account_id = %(account_id)s
    AND (c.bucket, c.contact_id) > (%(after_bucket)s::smallint, %(after_contact_id)s::bigint) AND {matches}
ORDER BY c.bucket, c.contact_id LIMIT %(limit)s
