-- Statements of events. A batch travels as one text parameter for each column (postgres/columns.py says how).

-- name: find_named
-- Place of each name that leads to a contact (from 1), and the contact. Primary key of identities.
SELECT k.n, i.contact_id
FROM unnest(%(account_ids)s::bigint[], %(kinds)s::smallint[], string_to_array(%(values)s, E'\x1f'))
    WITH ORDINALITY AS k (account_id, kind, value, n)
CROSS JOIN LATERAL (
    SELECT contact_id FROM identities
    WHERE account_id = k.account_id AND kind = k.kind AND value = k.value LIMIT 1
) AS i

-- name: find_contacts
-- Place of each id that is a contact's, or was one's who has been merged into another since, and the contact.
-- Primary keys of contacts and merged_contacts.
SELECT k.n, coalesce(c.contact_id, m.into_contact_id)
FROM unnest(%(account_ids)s::bigint[], %(buckets)s::smallint[], %(contact_ids)s::bigint[])
    WITH ORDINALITY AS k (account_id, bucket, contact_id, n)
LEFT JOIN LATERAL (
    SELECT contact_id FROM contacts
    WHERE account_id = k.account_id AND bucket = k.bucket AND contact_id = k.contact_id LIMIT 1
) AS c ON true
LEFT JOIN LATERAL (
    SELECT into_contact_id FROM merged_contacts
    WHERE account_id = k.account_id AND bucket = k.bucket AND contact_id = k.contact_id LIMIT 1
) AS m ON c.contact_id IS NULL
WHERE coalesce(c.contact_id, m.into_contact_id) IS NOT NULL

-- name: make_record
-- The function behind `record`, for one session: its first statement waits for the locks, and the second one sees what
-- was there when it had them. As a function they take one round trip, and no pipeline that costs the client more.
CREATE OR REPLACE FUNCTION pg_temp.record_events(
    locks bigint[], account_ids bigint[], type_ids bigint[], requests integer[], needs_contact boolean[], hashes uuid[],
    dedupes uuid[], occurred timestamptz[], event_ids text, keys text, params text, name_places bigint[], name_ranks smallint[],
    name_accounts bigint[], name_kinds smallint[], name_values text, id_places bigint[], id_ranks smallint[],
    id_accounts bigint[], id_buckets smallint[], ids bigint[], distinct_types bigint[], seconds integer
) RETURNS TABLE (recorded uuid, about bigint, lacking bigint) LANGUAGE plpgsql AS $record$
#variable_conflict use_column
BEGIN
    PERFORM pg_advisory_xact_lock_shared(lock) FROM unnest(locks) AS k (lock);
    RETURN QUERY
    WITH given AS MATERIALIZED (
        SELECT * FROM unnest(account_ids, type_ids, requests,
            needs_contact, hashes, dedupes, occurred, string_to_array(event_ids, E'\x1f'),
            string_to_array(keys, E'\x1f'), string_to_array(params, E'\x1f'))
            WITH ORDINALITY
            AS k (account_id, event_type_id, request, needs, event_hash, dedupe_hash, occurred_at, event_id, key, params,
                place)
        WHERE account_id IS NOT NULL
    ), found AS MATERIALIZED (
        SELECT DISTINCT ON (place) place, contact_id FROM (
            SELECT k.place, k.rank, i.contact_id
            FROM unnest(name_places, name_ranks, name_accounts,
                name_kinds, string_to_array(name_values, E'\x1f'))
                AS k (place, rank, account_id, kind, value)
            CROSS JOIN LATERAL (
                SELECT contact_id FROM identities
                WHERE account_id = k.account_id AND kind = k.kind AND value = k.value LIMIT 1
            ) AS i
            UNION ALL
            SELECT k.place, k.rank, coalesce(c.contact_id, m.into_contact_id)
            FROM unnest(id_places, id_ranks, id_accounts,
                id_buckets, ids) AS k (place, rank, account_id, bucket, contact_id)
            LEFT JOIN LATERAL (
                SELECT contact_id FROM contacts
                WHERE account_id = k.account_id AND bucket = k.bucket AND contact_id = k.contact_id LIMIT 1
            ) AS c ON true
            LEFT JOIN LATERAL (
                SELECT into_contact_id FROM merged_contacts
                WHERE account_id = k.account_id AND bucket = k.bucket AND contact_id = k.contact_id LIMIT 1
            ) AS m ON c.contact_id IS NULL
        ) AS f
        WHERE contact_id IS NOT NULL
        ORDER BY place, rank
    ), known AS MATERIALIZED (
        SELECT g.*, coalesce(f.contact_id, 0) AS contact_id FROM given g LEFT JOIN found f ON f.place = g.place
    ), unready AS MATERIALIZED (
        SELECT place, request FROM known WHERE needs AND contact_id = 0
    ), fresh AS (
        INSERT INTO recent_events AS past (account_id, event_hash, expires_at)
        SELECT account_id, event_hash, now() + seconds * interval '1 second'
        FROM known WHERE event_hash IS NOT NULL AND request NOT IN (SELECT request FROM unready)
        ORDER BY 1, 2
        ON CONFLICT (account_id, event_hash) DO UPDATE SET expires_at = excluded.expires_at WHERE past.expires_at <= now()
        RETURNING account_id, event_hash
    ), claims AS MATERIALIZED (
        SELECT DISTINCT ON (account_id, dedupe_hash) account_id, dedupe_hash, place FROM known
        WHERE dedupe_hash IS NOT NULL AND request NOT IN (SELECT request FROM unready)
        ORDER BY account_id, dedupe_hash, place
    ), keyed AS (
        INSERT INTO event_keys (account_id, dedupe_hash) SELECT account_id, dedupe_hash FROM claims ORDER BY 1, 2
        ON CONFLICT DO NOTHING
        RETURNING account_id, dedupe_hash
    ), stored AS (
        INSERT INTO events (account_id, bucket, contact_id, event_type_id, event_id, key, params, occurred_at)
        SELECT account_id, (contact_id & 255)::smallint, contact_id, event_type_id,
            overlay(event_id PLACING lpad(to_hex(contact_id & 255), 2, '0') FROM 31)::uuid, key, params::jsonb,
            coalesce(occurred_at, now())
        FROM known
        WHERE request NOT IN (SELECT request FROM unready)
            AND (event_hash IS NULL OR (account_id, event_hash) IN (SELECT account_id, event_hash FROM fresh))
            AND (dedupe_hash IS NULL OR place IN (SELECT c.place FROM claims c JOIN keyed USING (account_id, dedupe_hash)))
        RETURNING account_id, event_type_id, contact_id, event_id, occurred_at
    ), announced AS (
        INSERT INTO followed_events (account_id, event_type_id, contact_id, event_id, occurred_at)
        SELECT account_id, event_type_id, contact_id, event_id, occurred_at FROM stored
        WHERE event_type_id = ANY (ARRAY(
            SELECT event_type_id FROM event_types
            WHERE event_type_id = ANY (distinct_types) AND (followed OR about_carts)
        ))
    )
    SELECT event_id, contact_id, NULL::bigint FROM stored
    UNION ALL
    SELECT NULL, 0, place FROM unready;
END
$record$

-- name: record
-- Id and contact of each recorded event; the place of each that needs a contact and has none: nothing of its request is
-- recorded. Hashes are claimed in their order, so that batches do not wait in a circle. Indexes: primary keys only.
SELECT * FROM pg_temp.record_events(
    %(locks)s, %(account_ids)s, %(type_ids)s, %(requests)s, %(needs)s, %(hashes)s, %(dedupes)s, %(occurred)s, %(event_ids)s, %(keys)s,
    %(params)s, %(name_places)s, %(name_ranks)s, %(name_accounts)s, %(name_kinds)s, %(name_values)s, %(id_places)s,
    %(id_ranks)s, %(id_accounts)s, %(id_buckets)s, %(ids)s, %(distinct_types)s, %(seconds)s
)

-- name: insert
-- Records events inside a caller's transaction; `chains` are kept with those that somebody follows. Index: primary key of
-- event_types.
WITH stored AS (
    INSERT INTO events (account_id, bucket, contact_id, event_type_id, event_id, key, params, occurred_at)
    SELECT account_id, bucket, contact_id, event_type_id, event_id, key, params::jsonb, coalesce(occurred_at, now())
    FROM unnest(%(account_ids)s::bigint[], %(buckets)s::smallint[], %(contact_ids)s::bigint[],
        %(type_ids)s::bigint[], %(event_ids)s::uuid[], %(occurred)s::timestamptz[],
        string_to_array(%(keys)s, E'\x1f'), string_to_array(%(params)s, E'\x1f'))
        AS k (account_id, bucket, contact_id, event_type_id, event_id, occurred_at, key, params)
    WHERE event_id IS NOT NULL
    RETURNING account_id, event_type_id, contact_id, event_id, occurred_at
)
INSERT INTO followed_events (account_id, event_type_id, contact_id, event_id, occurred_at, chain)
SELECT s.account_id, s.event_type_id, s.contact_id, s.event_id, s.occurred_at, k.chain
FROM stored s JOIN unnest(%(event_ids)s::uuid[], %(chains)s::smallint[]) AS k (event_id, chain) ON k.event_id = s.event_id
WHERE EXISTS (SELECT FROM event_types t WHERE t.event_type_id = s.event_type_id AND (t.followed OR t.about_carts))

-- name: insert_past
-- Records what happened before: nobody is told, and what is there stays. `unnamed_ids` are the ids these events have
-- when nobody is known by them: an event that was recorded so is not recorded again for a contact made since.
-- Index: primary key of events.
INSERT INTO events (account_id, bucket, contact_id, event_type_id, event_id, key, params, occurred_at)
SELECT k.account_id, k.bucket, k.contact_id, k.event_type_id, k.event_id, k.key, k.params::jsonb, k.occurred_at
FROM unnest(%(account_ids)s::bigint[], %(buckets)s::smallint[], %(contact_ids)s::bigint[],
    %(type_ids)s::bigint[], %(event_ids)s::uuid[], %(unnamed_ids)s::uuid[], %(occurred)s::timestamptz[],
    string_to_array(%(keys)s, E'\x1f'), string_to_array(%(params)s, E'\x1f'))
    AS k (account_id, bucket, contact_id, event_type_id, event_id, unnamed_id, occurred_at, key, params)
WHERE k.event_id IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM events e
        WHERE e.account_id = k.account_id AND e.bucket = 0 AND e.event_id = k.unnamed_id
            AND e.occurred_at = k.occurred_at
    )
ORDER BY k.bucket, k.event_id
ON CONFLICT DO NOTHING
RETURNING event_id

-- name: take_followed
-- Events out of the change log, in the order they came; they are gone from it when the transaction commits. What
-- another transaction is taking is left to it. Whoever was merged since is whom it was merged into. Indexes: primary keys of
-- followed_events, events, event_types and merged_contacts.
WITH taken AS (
    DELETE FROM followed_events WHERE followed_id = ANY (ARRAY(
        SELECT followed_id FROM followed_events ORDER BY followed_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ))
    RETURNING *
)
SELECT t.account_id, t.event_type_id, coalesce(m.into_contact_id, t.contact_id), t.event_id, e.params, t.replay_id, k.key, e.key, t.occurred_at, t.joined, t.chain
FROM taken t
JOIN event_types k ON k.event_type_id = t.event_type_id
LEFT JOIN events e ON e.account_id = t.account_id AND e.bucket = (t.contact_id & 255)::smallint
    AND e.event_id = t.event_id AND e.occurred_at = t.occurred_at
LEFT JOIN merged_contacts m ON m.account_id = t.account_id AND m.bucket = (t.contact_id & 255)::smallint
    AND m.contact_id = t.contact_id
ORDER BY t.followed_id

-- name: join_visits
-- Takes a visitor's events of nobody away and records them as the contact's, under the id they had if it had been known.
-- What somebody else is taking is left to them: each event is taken once. Carts hear of theirs. Indexes: events_visitor,
-- primary keys of contacts, merged_contacts and event_types.
WITH owner AS MATERIALIZED (
    SELECT coalesce(c.contact_id, m.into_contact_id) AS contact_id
    FROM (SELECT %(account_id)s::bigint AS account_id, (%(contact_id)s & 255)::smallint AS bucket,
        %(contact_id)s::bigint AS contact_id) AS k
    LEFT JOIN contacts c ON c.account_id = k.account_id AND c.bucket = k.bucket AND c.contact_id = k.contact_id
    LEFT JOIN merged_contacts m ON m.account_id = k.account_id AND m.bucket = k.bucket AND m.contact_id = k.contact_id
    WHERE coalesce(c.contact_id, m.into_contact_id) IS NOT NULL
), chosen AS MATERIALIZED (
    SELECT event_id, occurred_at FROM events
    WHERE account_id = %(account_id)s AND bucket = 0 AND contact_id = 0 AND params ? 'sc'
        AND left(params ->> 'sc', 100) = %(visitor)s AND params ->> 'siteId' = %(site_id)s
        AND occurred_at >= %(since)s AND EXISTS (SELECT FROM owner)
    ORDER BY occurred_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), taken AS (
    DELETE FROM events e USING chosen k
    WHERE e.account_id = %(account_id)s AND e.bucket = 0 AND e.contact_id = 0 AND e.event_id = k.event_id
        AND e.occurred_at = k.occurred_at AND e.occurred_at >= %(since)s
    RETURNING e.*
), stored AS (
    INSERT INTO events (account_id, bucket, contact_id, event_type_id, event_id, key, params, occurred_at, recorded_at)
    SELECT t.account_id, (o.contact_id & 255)::smallint, o.contact_id, t.event_type_id,
        overlay(t.event_id::text PLACING lpad(to_hex(o.contact_id & 255), 2, '0') FROM 35)::uuid, t.key, t.params,
        t.occurred_at, t.recorded_at
    FROM taken t CROSS JOIN owner o
    ON CONFLICT DO NOTHING
    RETURNING account_id, event_type_id, contact_id, event_id, occurred_at
), announced AS (
    INSERT INTO followed_events (account_id, event_type_id, contact_id, event_id, occurred_at, joined)
    SELECT s.account_id, s.event_type_id, s.contact_id, s.event_id, s.occurred_at, true FROM stored s
    WHERE EXISTS (SELECT FROM event_types t WHERE t.event_type_id = s.event_type_id AND t.about_carts)
)
SELECT count(*) FROM taken

-- name: claim_keys
-- Claims keys that only one event may have; returns those nobody had. Primary key of event_keys.
INSERT INTO event_keys (account_id, dedupe_hash)
SELECT account_id, dedupe_hash FROM unnest(%(account_ids)s::bigint[], %(dedupes)s::uuid[]) AS k (account_id, dedupe_hash)
ORDER BY 1, 2
ON CONFLICT DO NOTHING
RETURNING dedupe_hash

-- name: forget_keys
-- A batch of keys whose time is over. Index: event_keys_time.
DELETE FROM event_keys WHERE (account_id, dedupe_hash) IN (
    SELECT account_id, dedupe_hash FROM event_keys WHERE recorded_at < %(before)s LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)

-- name: forget_recent
-- Rows somebody claims at this moment are left for the next time: this must wait for nobody. Reads the whole table,
-- which has the events of a minute or two.
DELETE FROM recent_events WHERE (account_id, event_hash) IN (
    SELECT account_id, event_hash FROM recent_events WHERE expires_at <= now() FOR UPDATE SKIP LOCKED
)

-- name: list_types
-- Index: unique key of event_types.
SELECT event_type_id, key, creates_contacts, parameters, declared FROM event_types WHERE account_id = %(account_id)s ORDER BY key

-- name: add_types
-- Those among these keys that are new, as long as the account has room for them.
INSERT INTO event_types (account_id, key)
SELECT %(account_id)s, k.key FROM unnest(%(keys)s::text[]) AS k (key)
WHERE (SELECT count(*) FROM event_types WHERE account_id = %(account_id)s) + %(count)s <= %(limit)s
ORDER BY k.key
ON CONFLICT DO NOTHING

-- name: find_types
SELECT event_type_id, key, creates_contacts, parameters, declared FROM event_types
WHERE account_id = %(account_id)s AND key = ANY (%(keys)s::text[])

-- name: change_type
-- Of kinds, those that are named are changed, and taken away where they are null.
UPDATE event_types SET creates_contacts = %(creates_contacts)s, parameters = %(parameters)s::jsonb,
    declared = jsonb_strip_nulls(declared || %(declared)s::jsonb)
WHERE account_id = %(account_id)s AND event_type_id = %(event_type_id)s
RETURNING event_type_id, key, creates_contacts, parameters, declared

-- name: count_values
-- Adds to what was seen; names beyond the limit of a type are left out, dotted ones earlier. Rows are taken in their order, so that
-- processes do not wait in a circle. Index: primary key of event_parameters.
INSERT INTO event_parameters AS known (account_id, event_type_id, name, booleans, numbers, datetimes, strings, arrays,
    objects, last_seen_at)
SELECT k.account_id, k.event_type_id, k.name, k.booleans, k.numbers, k.datetimes, k.strings, k.arrays, k.objects, k.last
FROM unnest(%(account_ids)s::bigint[], %(type_ids)s::bigint[], string_to_array(%(names)s, E'\x1f'),
    %(booleans)s::bigint[], %(numbers)s::bigint[], %(datetimes)s::bigint[], %(strings)s::bigint[],
    %(arrays)s::bigint[], %(objects)s::bigint[], %(last)s::timestamptz[])
    AS k (account_id, event_type_id, name, booleans, numbers, datetimes, strings, arrays, objects, last)
JOIN event_types t ON t.event_type_id = k.event_type_id
WHERE EXISTS (
        SELECT FROM event_parameters e
        WHERE e.account_id = k.account_id AND e.event_type_id = k.event_type_id AND e.name = k.name
    )
    OR (SELECT count(*) FROM event_parameters e
        WHERE e.account_id = k.account_id AND e.event_type_id = k.event_type_id) 
        < CASE WHEN strpos(k.name, '.') > 0 THEN %(nested_limit)s ELSE %(limit)s END
ORDER BY 1, 2, 3
ON CONFLICT (account_id, event_type_id, name) DO UPDATE SET
    booleans = known.booleans + excluded.booleans, numbers = known.numbers + excluded.numbers,
    datetimes = known.datetimes + excluded.datetimes, strings = known.strings + excluded.strings,
    arrays = known.arrays + excluded.arrays, objects = known.objects + excluded.objects,
    last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at)

-- name: parameters
-- What was seen of a type, by name. Index: primary key of event_parameters.
SELECT name, booleans, numbers, datetimes, strings, arrays, objects, last_seen_at FROM event_parameters
WHERE account_id = %(account_id)s AND event_type_id = %(event_type_id)s
ORDER BY name

-- name: follow_type
UPDATE event_types SET followed = %(followed)s
WHERE account_id = %(account_id)s AND event_type_id = %(event_type_id)s

-- name: of_contact
-- Newest first, behind the cursor, with those of contacts merged into this one. Index events_contact of each month.
SELECT e.event_id, t.key, e.key, e.params, e.contact_id, e.occurred_at, e.recorded_at
FROM (
    SELECT %(bucket)s::smallint AS bucket, %(contact_id)s::bigint AS contact_id
    UNION ALL
    SELECT bucket, contact_id FROM merged_contacts
    WHERE account_id = %(account_id)s AND into_contact_id = %(contact_id)s
) AS g
CROSS JOIN LATERAL (
    SELECT * FROM events
    WHERE account_id = %(account_id)s AND bucket = g.bucket AND contact_id = g.contact_id
        AND occurred_at <= %(before)s AND (occurred_at, event_id) < (%(before)s, %(before_id)s)
    ORDER BY occurred_at DESC, event_id DESC LIMIT %(limit)s
) AS e
JOIN event_types t ON t.event_type_id = e.event_type_id
ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT %(limit)s

-- name: of_type
-- Newest first, behind the cursor. Index events_type of each month.
SELECT e.event_id, %(type_key)s::text, e.key, e.params, e.contact_id, e.occurred_at, e.recorded_at
FROM events e
WHERE e.account_id = %(account_id)s AND e.event_type_id = %(event_type_id)s
    AND e.occurred_at <= %(before)s AND (e.occurred_at, e.event_id) < (%(before)s, %(before_id)s)
ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT %(limit)s

-- name: browse
-- Of the next events of a type behind the cursor, newest first, those with this value in the parameter: a name, or a path of
-- names; with whom they are of now. Indexes: events_type of each month, primary keys of merged_contacts and contacts.
SELECT e.event_id, %(type_key)s::text, e.key, e.params, coalesce(m.into_contact_id, e.contact_id), e.occurred_at,
    e.recorded_at, concat_ws(' ', nullif(c.first_name, ''), nullif(c.last_name, '')), coalesce(c.email, ''),
    coalesce(c.phone, '')
FROM (
    SELECT * FROM events
    WHERE account_id = %(account_id)s AND event_type_id = %(event_type_id)s AND occurred_at >= %(since)s
        AND occurred_at <= %(before)s AND (occurred_at, event_id) < (%(before)s, %(before_id)s)
    ORDER BY occurred_at DESC, event_id DESC LIMIT %(look)s
) AS e
LEFT JOIN merged_contacts m ON m.account_id = %(account_id)s AND m.bucket = e.bucket AND m.contact_id = e.contact_id
LEFT JOIN contacts c ON c.account_id = %(account_id)s
    AND c.bucket = (coalesce(m.into_contact_id, e.contact_id) & 255)::smallint
    AND c.contact_id = coalesce(m.into_contact_id, e.contact_id)
WHERE %(parameter)s::text IS NULL
    OR coalesce(e.params ->> %(parameter)s, e.params #>> string_to_array(%(parameter)s, '.')) = %(value)s
ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT %(limit)s

-- name: looked_until
-- The last of the events that were looked through; none: all were. Index events_type of each month.
SELECT occurred_at, event_id FROM events
WHERE account_id = %(account_id)s AND event_type_id = %(event_type_id)s AND occurred_at >= %(since)s
    AND occurred_at <= %(before)s AND (occurred_at, event_id) < (%(before)s, %(before_id)s)
ORDER BY occurred_at DESC, event_id DESC OFFSET %(look)s - 1 LIMIT 1

-- name: browse_of_contact
-- The same of one contact, with those of contacts merged into it. Indexes: events_contact of each month, primary keys of
-- merged_contacts and contacts.
SELECT e.event_id, %(type_key)s::text, e.key, e.params, %(contact_id)s::bigint, e.occurred_at, e.recorded_at,
    concat_ws(' ', nullif(c.first_name, ''), nullif(c.last_name, '')), coalesce(c.email, ''), coalesce(c.phone, '')
FROM (
    SELECT f.* FROM (
        SELECT %(bucket)s::smallint AS bucket, %(contact_id)s::bigint AS contact_id
        UNION ALL
        SELECT bucket, contact_id FROM merged_contacts
        WHERE account_id = %(account_id)s AND into_contact_id = %(contact_id)s
    ) AS g
    CROSS JOIN LATERAL (
        SELECT * FROM events
        WHERE account_id = %(account_id)s AND bucket = g.bucket AND contact_id = g.contact_id
            AND event_type_id = %(event_type_id)s AND occurred_at >= %(since)s
            AND occurred_at <= %(before)s AND (occurred_at, event_id) < (%(before)s, %(before_id)s)
        ORDER BY occurred_at DESC, event_id DESC LIMIT %(look)s
    ) AS f
    ORDER BY f.occurred_at DESC, f.event_id DESC LIMIT %(look)s
) AS e
LEFT JOIN contacts c ON c.account_id = %(account_id)s AND c.bucket = %(bucket)s AND c.contact_id = %(contact_id)s
WHERE %(parameter)s::text IS NULL
    OR coalesce(e.params ->> %(parameter)s, e.params #>> string_to_array(%(parameter)s, '.')) = %(value)s
ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT %(limit)s

-- name: looked_until_of_contact
-- The last of them that was looked through; none: all were. Index events_contact of each month.
SELECT f.occurred_at, f.event_id FROM (
    SELECT %(bucket)s::smallint AS bucket, %(contact_id)s::bigint AS contact_id
    UNION ALL
    SELECT bucket, contact_id FROM merged_contacts
    WHERE account_id = %(account_id)s AND into_contact_id = %(contact_id)s
) AS g
CROSS JOIN LATERAL (
    SELECT occurred_at, event_id FROM events
    WHERE account_id = %(account_id)s AND bucket = g.bucket AND contact_id = g.contact_id
        AND event_type_id = %(event_type_id)s AND occurred_at >= %(since)s
        AND occurred_at <= %(before)s AND (occurred_at, event_id) < (%(before)s, %(before_id)s)
    ORDER BY occurred_at DESC, event_id DESC LIMIT %(look)s
) AS f
ORDER BY f.occurred_at DESC, f.event_id DESC OFFSET %(look)s - 1 LIMIT 1

-- name: figures
-- How many events of each type came, the newest up to a limit, also by how many times 24 hours ago; and when the newest did.
-- Index events_type of each month.
SELECT t.event_type_id, t.key, least(c.found, %(most)s), c.found <= %(most)s, n.occurred_at, c.ages, c.counts
FROM event_types t
CROSS JOIN LATERAL (
    SELECT coalesce(sum(d.events), 0)::bigint AS found, array_agg(d.age) AS ages, array_agg(d.events) AS counts
    FROM (
        SELECT greatest(floor(extract(epoch FROM %(now)s - few.occurred_at) / 86400), 0)::int AS age, count(*) AS events
        FROM (
            SELECT e.occurred_at FROM events e
            WHERE e.account_id = %(account_id)s AND e.event_type_id = t.event_type_id AND e.occurred_at > %(since)s
            ORDER BY e.occurred_at DESC LIMIT %(most)s + 1
        ) AS few
        GROUP BY 1
    ) AS d
) AS c
LEFT JOIN LATERAL (
    SELECT e.occurred_at FROM events e
    WHERE e.account_id = %(account_id)s AND e.event_type_id = t.event_type_id
    ORDER BY e.occurred_at DESC LIMIT 1
) AS n ON true
WHERE t.account_id = %(account_id)s
ORDER BY n.occurred_at DESC NULLS LAST, t.key

-- name: delete_events
-- Index events_type. For a system transaction: events are append-only for everybody else.
DELETE FROM events
WHERE account_id = %(account_id)s AND event_type_id = %(event_type_id)s
    AND occurred_at >= %(since)s AND occurred_at < %(until)s
    AND (%(key)s::text IS NULL OR key = %(key)s)
