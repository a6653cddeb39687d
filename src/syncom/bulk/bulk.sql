-- name: add
-- The new action's id.
INSERT INTO bulk_actions (account_id, deed, condition, contact_ids, actor, total, total_is_exact)
VALUES (%(account_id)s, %(deed)s, %(condition)s, %(contact_ids)s, %(actor)s, %(total)s, %(total_is_exact)s)
RETURNING action_id;

-- name: find
-- Primary key.
SELECT action_id, deed, condition, cardinality(contact_ids), actor, state, total, total_is_exact, looked_at, changed, undone,
    problem, created_at, finished_at, undo_until
FROM bulk_actions
WHERE account_id = %(account_id)s AND action_id = %(action_id)s;

-- name: list
-- The newest first. Index bulk_actions_account.
SELECT action_id, deed, condition, cardinality(contact_ids), actor, state, total, total_is_exact, looked_at, changed, undone,
    problem, created_at, finished_at, undo_until
FROM bulk_actions
WHERE account_id = %(account_id)s AND (%(before)s::bigint IS NULL OR action_id < %(before)s)
ORDER BY action_id DESC
LIMIT %(limit)s;

-- name: cancel
-- No row: it is not under way. Waits for the batch that is being done. Primary key.
UPDATE bulk_actions SET state = 'cancelled', finished_at = %(now)s, undo_until = %(undo_until)s
WHERE account_id = %(account_id)s AND action_id = %(action_id)s AND state IN ('waiting', 'running')
RETURNING 1;

-- name: undo
-- No row: it cannot be undone. Primary key.
UPDATE bulk_actions SET state = 'undoing', bucket = 0, after_id = 0, attempts = 0, problem = '', next_at = %(now)s
WHERE account_id = %(account_id)s AND action_id = %(action_id)s AND state IN ('finished', 'cancelled', 'failed')
    AND undo_until > %(now)s
RETURNING 1;

-- name: due
-- An action that has something to do. Index bulk_actions_due.
SELECT account_id, action_id FROM bulk_actions
WHERE state IN ('waiting', 'running', 'undoing') AND next_at <= %(now)s
ORDER BY next_at
LIMIT %(limit)s;

-- name: hold
-- For one batch: who does it holds the row, so nobody else does, and a process that dies lets go. Primary key.
SELECT deed, condition, contact_ids, actor, state, bucket, after_id FROM bulk_actions
WHERE account_id = %(account_id)s AND action_id = %(action_id)s AND state IN ('waiting', 'running', 'undoing')
FOR UPDATE SKIP LOCKED;

-- name: move
-- What a batch did, in its transaction. Primary key.
UPDATE bulk_actions
SET state = %(state)s, bucket = %(bucket)s, after_id = %(after_id)s, looked_at = looked_at + %(looked_at)s,
    changed = changed + %(changed)s, undone = undone + %(undone)s, attempts = 0, problem = '', next_at = %(now)s,
    finished_at = CASE WHEN %(state)s IN ('finished', 'undone') THEN %(now)s ELSE finished_at END,
    undo_until = CASE %(state)s WHEN 'finished' THEN %(undo_until)s WHEN 'undone' THEN NULL ELSE undo_until END,
    total = CASE WHEN %(state)s = 'finished' THEN looked_at + %(looked_at)s ELSE total END,
    total_is_exact = total_is_exact OR %(state)s = 'finished'
WHERE account_id = %(account_id)s AND action_id = %(action_id)s;

-- name: fail
-- A batch failed: it is tried again later, so many times. Primary key.
UPDATE bulk_actions
SET attempts = attempts + 1, problem = %(problem)s, next_at = %(next_at)s,
    state = CASE WHEN attempts + 1 >= %(most)s THEN 'failed' ELSE state END,
    finished_at = CASE WHEN attempts + 1 >= %(most)s THEN %(now)s ELSE finished_at END,
    undo_until = CASE WHEN attempts + 1 >= %(most)s THEN %(undo_until)s ELSE undo_until END
WHERE account_id = %(account_id)s AND action_id = %(action_id)s AND state IN ('waiting', 'running', 'undoing');

-- name: present
-- Those of these contacts that exist, in the order of bucket and id. Primary key.
SELECT c.contact_id
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
JOIN contacts c ON c.account_id = %(account_id)s AND c.bucket = k.bucket AND c.contact_id = k.contact_id
ORDER BY c.bucket, c.contact_id;

-- name: remember
-- Primary key of bulk_changes.
INSERT INTO bulk_changes (account_id, bucket, action_id, contact_id, former)
SELECT %(account_id)s, k.bucket, %(action_id)s, k.contact_id, k.former
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(formers)s::jsonb[]) AS k (bucket, contact_id, former)
ON CONFLICT DO NOTHING;

-- name: changes
-- What an action changed, behind a place, of one bucket. Primary key of bulk_changes.
SELECT contact_id, former FROM bulk_changes
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND action_id = %(action_id)s AND contact_id > %(after_id)s
ORDER BY contact_id
LIMIT %(limit)s;

-- name: expired
-- Actions whose changes are forgotten now. Index bulk_actions_undo.
UPDATE bulk_actions SET undo_until = NULL WHERE undo_until <= %(now)s AND state <> 'undoing'
RETURNING account_id, action_id;

-- name: forget_changes
-- One bucket at a time. Primary key of bulk_changes.
DELETE FROM bulk_changes
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND action_id = %(action_id)s;

-- name: leave_list
-- Who was on it, and since when. Primary key of list_members.
DELETE FROM list_members m
USING unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
WHERE m.account_id = %(account_id)s AND m.bucket = k.bucket AND m.list_id = %(list_id)s AND m.contact_id = k.contact_id
RETURNING m.contact_id, jsonb_build_object('added_at', m.added_at);

-- name: join_list
-- Who was not on it; since the former time, if there is one. Nobody when the list or the contact is gone. Primary keys of
-- list_members, contacts, lists.
INSERT INTO list_members (account_id, bucket, list_id, contact_id, added_at)
SELECT %(account_id)s, k.bucket, l.list_id, k.contact_id, coalesce((k.former ->> 'added_at')::timestamptz, now())
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(formers)s::jsonb[]) AS k (bucket, contact_id, former)
JOIN lists l ON l.account_id = %(account_id)s AND l.list_id = %(list_id)s
JOIN contacts c ON c.account_id = %(account_id)s AND c.bucket = k.bucket AND c.contact_id = k.contact_id
ORDER BY k.bucket, k.contact_id
ON CONFLICT DO NOTHING
RETURNING contact_id, '{}'::jsonb;

-- name: set_fields
-- Who differed, with the former values. `members` are the named columns as text, `own` and `cleared` custom fields by number.
-- Locked in the order of every writer. Primary key of contacts.
WITH those AS MATERIALIZED (
    SELECT c.account_id, c.bucket, c.contact_id, jsonb_build_object(
        'members', (SELECT coalesce(jsonb_object_agg(m.key, to_jsonb(c) -> m.key), '{}')
                    FROM jsonb_object_keys(%(members)s::jsonb) AS m (key)),
        'fields', (SELECT coalesce(jsonb_object_agg(f.key, c.fields -> f.key), '{}')
                   FROM unnest(%(keys)s::text[]) AS f (key))) AS former
    FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
    JOIN contacts c ON c.account_id = %(account_id)s AND c.bucket = k.bucket AND c.contact_id = k.contact_id
    WHERE NOT (to_jsonb(c) @> %(members)s::jsonb) OR c.fields <> (c.fields - %(cleared)s::text[]) || %(own)s::jsonb
    ORDER BY c.bucket, c.contact_id FOR UPDATE OF c
)
UPDATE contacts c
SET first_name = coalesce(%(members)s::jsonb ->> 'first_name', c.first_name),
    last_name = coalesce(%(members)s::jsonb ->> 'last_name', c.last_name),
    country = coalesce(%(members)s::jsonb ->> 'country', c.country),
    region = coalesce(%(members)s::jsonb ->> 'region', c.region),
    city = coalesce(%(members)s::jsonb ->> 'city', c.city),
    address = coalesce(%(members)s::jsonb ->> 'address', c.address),
    postcode = coalesce(%(members)s::jsonb ->> 'postcode', c.postcode),
    language = coalesce(%(members)s::jsonb ->> 'language', c.language),
    time_zone = coalesce(%(members)s::jsonb ->> 'time_zone', c.time_zone),
    fields = (c.fields - %(cleared)s::text[]) || %(own)s::jsonb, updated_at = now()
FROM those k
WHERE c.account_id = k.account_id AND c.bucket = k.bucket AND c.contact_id = k.contact_id
RETURNING c.contact_id, k.former;

-- name: unset_fields
-- Former values, but only in place of those that were set: what was changed since stays. Primary key of contacts.
WITH those AS MATERIALIZED (
    SELECT c.account_id, c.bucket, c.contact_id,
        (SELECT coalesce(jsonb_object_agg(m.key, m.value), '{}') FROM jsonb_each(k.former -> 'members') AS m (key, value)
         WHERE to_jsonb(c) -> m.key = %(members)s::jsonb -> m.key) AS members,
        (SELECT coalesce(jsonb_object_agg(f.key, f.value), '{}') FROM jsonb_each(k.former -> 'fields') AS f (key, value)
         WHERE value <> 'null' AND c.fields -> f.key IS NOT DISTINCT FROM %(own)s::jsonb -> f.key) AS fields,
        ARRAY(SELECT f.key FROM jsonb_each(k.former -> 'fields') AS f (key, value)
              WHERE value = 'null' AND c.fields -> f.key IS NOT DISTINCT FROM %(own)s::jsonb -> f.key) AS absent
    FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(formers)s::jsonb[]) AS k (bucket, contact_id, former)
    JOIN contacts c ON c.account_id = %(account_id)s AND c.bucket = k.bucket AND c.contact_id = k.contact_id
    ORDER BY c.bucket, c.contact_id FOR UPDATE OF c
)
UPDATE contacts c
SET first_name = coalesce(k.members ->> 'first_name', c.first_name),
    last_name = coalesce(k.members ->> 'last_name', c.last_name),
    country = coalesce(k.members ->> 'country', c.country),
    region = coalesce(k.members ->> 'region', c.region),
    city = coalesce(k.members ->> 'city', c.city),
    address = coalesce(k.members ->> 'address', c.address),
    postcode = coalesce(k.members ->> 'postcode', c.postcode),
    language = coalesce(k.members ->> 'language', c.language),
    time_zone = coalesce(k.members ->> 'time_zone', c.time_zone),
    fields = (c.fields || k.fields) - k.absent, updated_at = now()
FROM those k
WHERE c.account_id = k.account_id AND c.bucket = k.bucket AND c.contact_id = k.contact_id
    AND (k.members <> '{}' OR k.fields <> '{}' OR k.absent <> '{}')
RETURNING c.contact_id, '{}'::jsonb;

-- name: add_tag
-- Who did not have it. Locked in the order of every writer. Primary key of contacts.
WITH those AS MATERIALIZED (
    SELECT c.account_id, c.bucket, c.contact_id
    FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
    JOIN contacts c ON c.account_id = %(account_id)s AND c.bucket = k.bucket AND c.contact_id = k.contact_id
    WHERE NOT coalesce(c.fields -> %(key)s, '[]') ? %(tag)s
    ORDER BY c.bucket, c.contact_id FOR UPDATE OF c
)
UPDATE contacts c
SET fields = c.fields || jsonb_build_object(%(key)s::text,
        coalesce(c.fields -> %(key)s, '[]') || jsonb_build_array(%(tag)s::text)), updated_at = now()
FROM those k
WHERE c.account_id = k.account_id AND c.bucket = k.bucket AND c.contact_id = k.contact_id
RETURNING c.contact_id, '{}'::jsonb;

-- name: remove_tag
-- Who had it. The field goes with its last choice. Primary key of contacts.
WITH those AS MATERIALIZED (
    SELECT c.account_id, c.bucket, c.contact_id
    FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
    JOIN contacts c ON c.account_id = %(account_id)s AND c.bucket = k.bucket AND c.contact_id = k.contact_id
    WHERE coalesce(c.fields -> %(key)s, '[]') ? %(tag)s
    ORDER BY c.bucket, c.contact_id FOR UPDATE OF c
)
UPDATE contacts c
SET fields = CASE WHEN jsonb_array_length(c.fields -> %(key)s) > 1
        THEN c.fields || jsonb_build_object(%(key)s::text, (c.fields -> %(key)s) - %(tag)s::text)
        ELSE c.fields - %(key)s::text END, updated_at = now()
FROM those k
WHERE c.account_id = k.account_id AND c.bucket = k.bucket AND c.contact_id = k.contact_id
RETURNING c.contact_id, '{}'::jsonb;

-- name: consent_states
-- States of a channel, of those who are not in the state already and may be brought into it. Primary key of contacts.
SELECT c.contact_id, k.state FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS i (bucket, contact_id)
JOIN contacts c ON c.account_id = %(account_id)s AND c.bucket = i.bucket AND c.contact_id = i.contact_id
CROSS JOIN LATERAL (
    SELECT CASE %(channel)s WHEN 1 THEN c.email_state WHEN 2 THEN c.sms_state ELSE c.push_state END AS state
) AS k
WHERE k.state <> %(state)s AND NOT (%(state)s = 2 AND k.state = 3)
ORDER BY c.bucket, c.contact_id;

-- name: still_ours
-- Of these contacts those whose last decision about a channel is this action's, with the state before it. Primary keys.
SELECT k.contact_id, (k.former ->> 'state')::smallint
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(formers)s::jsonb[]) AS k (bucket, contact_id, former)
JOIN contacts c ON c.account_id = %(account_id)s AND c.bucket = k.bucket AND c.contact_id = k.contact_id
CROSS JOIN LATERAL (
    SELECT e.source, e.detail FROM consent_events e
    WHERE e.account_id = c.account_id AND e.bucket = c.bucket AND e.contact_id = c.contact_id
        AND e.channel = %(channel)s AND e.category IS NULL
    ORDER BY e.consent_event_id DESC LIMIT 1
) AS last
WHERE last.source = 'bulk' AND (last.detail ->> 'action_id')::bigint = %(action_id)s
ORDER BY k.bucket, k.contact_id;

-- name: unsuppressed
-- Addresses of contacts that nothing stops yet. Primary keys of contacts and suppressions.
SELECT c.contact_id, a.address
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
JOIN contacts c ON c.account_id = %(account_id)s AND c.bucket = k.bucket AND c.contact_id = k.contact_id
CROSS JOIN LATERAL (SELECT CASE %(channel)s WHEN 1 THEN c.email ELSE c.phone END AS address) AS a
WHERE a.address IS NOT NULL AND NOT EXISTS (
    SELECT FROM suppressions s
    WHERE s.account_id = %(account_id)s AND s.channel = %(channel)s AND s.address = a.address AND s.expires_at IS NULL)
ORDER BY c.bucket, c.contact_id;

-- name: unsuppress
-- Those that this action stopped. Primary key of suppressions.
DELETE FROM suppressions s
USING unnest(%(contact_ids)s::bigint[], %(formers)s::jsonb[]) AS k (contact_id, former)
WHERE s.account_id = %(account_id)s AND s.channel = %(channel)s AND s.address = k.former ->> 'address'
    AND s.source = %(source)s
RETURNING k.contact_id, '{}'::jsonb;
