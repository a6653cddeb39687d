-- Statements of the batch upsert. A batch travels as one text parameter for each column (columns.py says how).

-- name: begin_batch
-- Shared with other batches of the account; deletes and merges of contacts take the lock exclusively.
-- The planner is held to nested loops over the indexes: rows are then locked in the order of the batch (sorted
-- by bucket and id, so no two batches wait for each other in a circle).
SELECT pg_advisory_xact_lock_shared(%(lock)s), set_config('enable_seqscan', 'off', true),
    set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
    set_config('enable_material', 'off', true), set_config('enable_bitmapscan', 'off', true)

-- name: begin_tenant_batch
-- The same, having become the account's role.
SELECT set_config('role', 'syncom_tenant', true), set_config('syncom.account_id', %(account)s, true),
    pg_advisory_xact_lock_shared(%(lock)s), set_config('enable_seqscan', 'off', true),
    set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
    set_config('enable_material', 'off', true), set_config('enable_bitmapscan', 'off', true)

-- name: hold_contacts
-- The lock's part of begin_batch, for facts about contacts that must be there.
SELECT pg_advisory_xact_lock_shared(lock) FROM unnest(%(locks)s::bigint[]) AS k (lock)

-- name: index_plans
-- The planner's part of begin_batch, for statements that need no lock.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true), set_config('enable_material', 'off', true),
    set_config('enable_bitmapscan', 'off', true)

-- name: end_batch
-- The rest of the caller's transaction plans freely again.
SELECT set_config('enable_seqscan', 'on', true), set_config('enable_hashjoin', 'on', true),
    set_config('enable_mergejoin', 'on', true)

-- name: lock_account
-- Waits for the batches under way, and makes new ones wait until the transaction ends.
SELECT pg_advisory_xact_lock(%(lock)s)

-- name: new_contact_ids
SELECT nextval('contact_ids') FROM generate_series(1, %(count)s)

-- Why the joins below look as they do: a batch must drive and the table must be probed by its whole key, whatever
-- the statistics say, and those of an account that was empty a minute ago say that scanning all its rows is cheaper
-- (measured: fifty times slower, and kept by the cached plan). Reads use LATERAL with LIMIT 1. Writes read the batch
-- from a fenced subquery (OFFSET 0) that brings the account too, so that no constant invites a scan, with two
-- conditions that hold for every row and only tell the planner that the batch is small.

-- name: owners
-- Place of each known identity in the question (from 1), and its contact. Primary key of identities.
SELECT k.n, i.contact_id
FROM unnest(%(kinds)s::smallint[], string_to_array(%(values)s, E'\x1f')) WITH ORDINALITY AS k (kind, value, n)
CROSS JOIN LATERAL (
    SELECT contact_id FROM identities
    WHERE account_id = %(account_id)s AND kind = k.kind AND value = k.value LIMIT 1
) AS i

-- name: known_contacts
-- Primary key of contacts. The bucket comes as a column of its own: computed here, row-level security would keep
-- the comparison out of the index condition, because a cast may fail and so is not leakproof.
SELECT c.contact_id, c.email, c.phone, c.external_id, c.contact_key, c.email_state, c.sms_state
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
CROSS JOIN LATERAL (
    SELECT * FROM contacts
    WHERE account_id = %(account_id)s AND bucket = k.bucket AND contact_id = k.contact_id LIMIT 1
) AS c

-- name: claim_identities
-- Fewer rows than asked for: another transaction claimed one first.
INSERT INTO identities (account_id, kind, value, contact_id)
SELECT %(account_id)s, k.kind, k.value, k.contact_id
FROM unnest(%(kinds)s::smallint[], string_to_array(%(values)s, E'\x1f'), %(contact_ids)s::bigint[])
    AS k (kind, value, contact_id)
WHERE k.contact_id IS NOT NULL
ON CONFLICT DO NOTHING

-- name: release_identities
DELETE FROM identities i
USING (
    SELECT %(account_id)s::bigint AS account_id, b.*
    FROM unnest(%(kinds)s::smallint[], string_to_array(%(values)s, E'\x1f'), %(owners)s::bigint[])
        AS b (kind, value, owner)
    WHERE (b.kind & 0) = 0 AND (b.owner & 0) = 0 OFFSET 0
) AS k
WHERE i.account_id = k.account_id AND i.kind = k.kind AND i.value = k.value AND i.contact_id = k.owner

-- name: move_identities
UPDATE identities i SET contact_id = k.contact_id
FROM (
    SELECT %(account_id)s::bigint AS account_id, b.*
    FROM unnest(%(kinds)s::smallint[], string_to_array(%(values)s, E'\x1f'), %(owners)s::bigint[],
        %(contact_ids)s::bigint[]) AS b (kind, value, owner, contact_id)
    WHERE (b.kind & 0) = 0 AND (b.owner & 0) = 0 OFFSET 0
) AS k
WHERE i.account_id = k.account_id AND i.kind = k.kind AND i.value = k.value AND i.contact_id = k.owner

-- name: add_contacts
-- New contacts, and the consent they came with.
WITH added AS (
    INSERT INTO contacts (account_id, bucket, contact_id, email, phone, external_id, contact_key, first_name,
        last_name, country, region, city, address, postcode, language, time_zone, fields, email_state, sms_state)
    SELECT %(account_id)s, (s.contact_id & 255)::smallint, s.contact_id, s.email, s.phone, s.external_id,
        s.contact_key, s.first_name, s.last_name, s.country, s.region, s.city, s.address, s.postcode, s.language,
        s.time_zone, coalesce(s.fields::jsonb, '{}'), s.email_state, s.sms_state
    FROM unnest(%(contact_ids)s::bigint[], %(email_states)s::smallint[], %(sms_states)s::smallint[],
        string_to_array(%(email)s, E'\x1f', E'\x1e'), string_to_array(%(phone)s, E'\x1f', E'\x1e'),
        string_to_array(%(external_id)s, E'\x1f', E'\x1e'), string_to_array(%(contact_key)s, E'\x1f', E'\x1e'),
        string_to_array(%(first_name)s, E'\x1f'), string_to_array(%(last_name)s, E'\x1f'),
        string_to_array(%(country)s, E'\x1f'), string_to_array(%(region)s, E'\x1f'),
        string_to_array(%(city)s, E'\x1f'), string_to_array(%(address)s, E'\x1f'),
        string_to_array(%(postcode)s, E'\x1f'), string_to_array(%(language)s, E'\x1f'),
        string_to_array(%(time_zone)s, E'\x1f'), string_to_array(%(fields)s, E'\x1f', E'\x1e'))
        AS s (contact_id, email_state, sms_state, email, phone, external_id, contact_key, first_name, last_name,
            country, region, city, address, postcode, language, time_zone, fields)
    WHERE s.contact_id IS NOT NULL
    RETURNING bucket, contact_id, email_state, sms_state
)
INSERT INTO consent_events (account_id, bucket, contact_id, channel, state, source, detail)
SELECT %(account_id)s, a.bucket, a.contact_id, c.channel, c.state, %(source)s, %(detail)s::jsonb
FROM added a, LATERAL (VALUES (1::smallint, a.email_state), (2::smallint, a.sms_state)) AS c (channel, state)
WHERE c.state > 0

-- name: update_contacts
-- Ids of the contacts in which something differed. NULL in a column: not named. `fill`: blanks only.
UPDATE contacts c SET
    first_name = CASE WHEN %(fill)s AND c.first_name <> '' THEN c.first_name ELSE coalesce(s.first_name, c.first_name) END,
    last_name = CASE WHEN %(fill)s AND c.last_name <> '' THEN c.last_name ELSE coalesce(s.last_name, c.last_name) END,
    country = CASE WHEN %(fill)s AND c.country <> '' THEN c.country ELSE coalesce(s.country, c.country) END,
    region = CASE WHEN %(fill)s AND c.region <> '' THEN c.region ELSE coalesce(s.region, c.region) END,
    city = CASE WHEN %(fill)s AND c.city <> '' THEN c.city ELSE coalesce(s.city, c.city) END,
    address = CASE WHEN %(fill)s AND c.address <> '' THEN c.address ELSE coalesce(s.address, c.address) END,
    postcode = CASE WHEN %(fill)s AND c.postcode <> '' THEN c.postcode ELSE coalesce(s.postcode, c.postcode) END,
    language = CASE WHEN %(fill)s AND c.language <> '' THEN c.language ELSE coalesce(s.language, c.language) END,
    time_zone = CASE WHEN %(fill)s AND c.time_zone <> '' THEN c.time_zone ELSE coalesce(s.time_zone, c.time_zone) END,
    fields = CASE WHEN s.fields IS NULL THEN c.fields
                  WHEN %(fill)s THEN s.fields::jsonb || c.fields
                  ELSE (c.fields - string_to_array(s.cleared, ',')) || s.fields::jsonb END,
    updated_at = now()
FROM (
    SELECT %(account_id)s::bigint AS account_id, b.*
    FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[],
        string_to_array(%(first_name)s, E'\x1f', E'\x1e'), string_to_array(%(last_name)s, E'\x1f', E'\x1e'),
        string_to_array(%(country)s, E'\x1f', E'\x1e'), string_to_array(%(region)s, E'\x1f', E'\x1e'),
        string_to_array(%(city)s, E'\x1f', E'\x1e'), string_to_array(%(address)s, E'\x1f', E'\x1e'),
        string_to_array(%(postcode)s, E'\x1f', E'\x1e'), string_to_array(%(language)s, E'\x1f', E'\x1e'),
        string_to_array(%(time_zone)s, E'\x1f', E'\x1e'), string_to_array(%(fields)s, E'\x1f', E'\x1e'),
        string_to_array(%(cleared)s, E'\x1f'))
        AS b (bucket, contact_id, first_name, last_name, country, region, city, address, postcode, language, time_zone, fields,
            cleared)
    WHERE (b.bucket & 0) = 0 AND (b.contact_id & 0) = 0 OFFSET 0
) AS s
WHERE c.account_id = s.account_id AND c.bucket = s.bucket AND c.contact_id = s.contact_id
    AND (
        (c.first_name <> s.first_name AND NOT (%(fill)s AND c.first_name <> ''))
        OR (c.last_name <> s.last_name AND NOT (%(fill)s AND c.last_name <> ''))
        OR (c.country <> s.country AND NOT (%(fill)s AND c.country <> ''))
        OR (c.region <> s.region AND NOT (%(fill)s AND c.region <> ''))
        OR (c.city <> s.city AND NOT (%(fill)s AND c.city <> ''))
        OR (c.address <> s.address AND NOT (%(fill)s AND c.address <> ''))
        OR (c.postcode <> s.postcode AND NOT (%(fill)s AND c.postcode <> ''))
        OR (c.language <> s.language AND NOT (%(fill)s AND c.language <> ''))
        OR (c.time_zone <> s.time_zone AND NOT (%(fill)s AND c.time_zone <> ''))
        OR (s.fields IS NOT NULL AND c.fields <> CASE WHEN %(fill)s THEN s.fields::jsonb || c.fields
                ELSE (c.fields - string_to_array(s.cleared, ',')) || s.fields::jsonb END)
    )
RETURNING c.contact_id

-- name: update_contacts_guarded
-- The same for batches that also change primary identities or give consent. A guarded row is written only when
-- the contact's identities, and the states it would change, are as they were read (old_*); whoever gets fewer guarded rows back than
-- asked for plans again. One statement for all rows of a batch, so that its rows are locked in one sorted pass.
WITH changed AS (
    UPDATE contacts c SET
        email = CASE WHEN s.guarded THEN s.email ELSE c.email END,
        phone = CASE WHEN s.guarded THEN s.phone ELSE c.phone END,
        external_id = CASE WHEN s.guarded THEN s.external_id ELSE c.external_id END,
        contact_key = CASE WHEN s.guarded THEN s.contact_key ELSE c.contact_key END,
        email_state = CASE WHEN s.give_email THEN %(state)s ELSE c.email_state END,
        sms_state = CASE WHEN s.give_sms THEN %(state)s ELSE c.sms_state END,
        first_name = CASE WHEN %(fill)s AND c.first_name <> '' THEN c.first_name ELSE coalesce(s.first_name, c.first_name) END,
        last_name = CASE WHEN %(fill)s AND c.last_name <> '' THEN c.last_name ELSE coalesce(s.last_name, c.last_name) END,
        country = CASE WHEN %(fill)s AND c.country <> '' THEN c.country ELSE coalesce(s.country, c.country) END,
        region = CASE WHEN %(fill)s AND c.region <> '' THEN c.region ELSE coalesce(s.region, c.region) END,
        city = CASE WHEN %(fill)s AND c.city <> '' THEN c.city ELSE coalesce(s.city, c.city) END,
        address = CASE WHEN %(fill)s AND c.address <> '' THEN c.address ELSE coalesce(s.address, c.address) END,
        postcode = CASE WHEN %(fill)s AND c.postcode <> '' THEN c.postcode ELSE coalesce(s.postcode, c.postcode) END,
        language = CASE WHEN %(fill)s AND c.language <> '' THEN c.language ELSE coalesce(s.language, c.language) END,
        time_zone = CASE WHEN %(fill)s AND c.time_zone <> '' THEN c.time_zone ELSE coalesce(s.time_zone, c.time_zone) END,
        fields = CASE WHEN s.fields IS NULL THEN c.fields
                      WHEN %(fill)s THEN s.fields::jsonb || c.fields
                      ELSE (c.fields - string_to_array(s.cleared, ',')) || s.fields::jsonb END,
        updated_at = now()
    FROM (
        SELECT %(account_id)s::bigint AS account_id, b.*
        FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[],
            string_to_array(%(first_name)s, E'\x1f', E'\x1e'), string_to_array(%(last_name)s, E'\x1f', E'\x1e'),
            string_to_array(%(country)s, E'\x1f', E'\x1e'), string_to_array(%(region)s, E'\x1f', E'\x1e'),
            string_to_array(%(city)s, E'\x1f', E'\x1e'), string_to_array(%(address)s, E'\x1f', E'\x1e'),
            string_to_array(%(postcode)s, E'\x1f', E'\x1e'), string_to_array(%(language)s, E'\x1f', E'\x1e'),
            string_to_array(%(time_zone)s, E'\x1f', E'\x1e'), string_to_array(%(fields)s, E'\x1f', E'\x1e'),
            string_to_array(%(cleared)s, E'\x1f'),
            %(guarded)s::boolean[], %(give_email)s::boolean[], %(give_sms)s::boolean[],
            string_to_array(%(email)s, E'\x1f', E'\x1e'), string_to_array(%(phone)s, E'\x1f', E'\x1e'),
            string_to_array(%(external_id)s, E'\x1f', E'\x1e'), string_to_array(%(contact_key)s, E'\x1f', E'\x1e'),
            string_to_array(%(old_email)s, E'\x1f', E'\x1e'), string_to_array(%(old_phone)s, E'\x1f', E'\x1e'),
            string_to_array(%(old_external_id)s, E'\x1f', E'\x1e'),
            string_to_array(%(old_contact_key)s, E'\x1f', E'\x1e'),
            %(old_email_states)s::smallint[], %(old_sms_states)s::smallint[])
            AS b (bucket, contact_id, first_name, last_name, country, region, city, address, postcode, language, time_zone,
                fields, cleared, guarded, give_email, give_sms, email, phone, external_id, contact_key, old_email,
                old_phone, old_external_id, old_contact_key, old_email_state, old_sms_state)
        WHERE (b.bucket & 0) = 0 AND (b.contact_id & 0) = 0 OFFSET 0
    ) AS s
    WHERE c.account_id = s.account_id AND c.bucket = s.bucket AND c.contact_id = s.contact_id
        AND CASE WHEN s.guarded
            THEN (c.email, c.phone, c.external_id, c.contact_key) IS NOT DISTINCT FROM
                    (s.old_email, s.old_phone, s.old_external_id, s.old_contact_key)
                AND (NOT s.give_email OR c.email_state = s.old_email_state)
                AND (NOT s.give_sms OR c.sms_state = s.old_sms_state)
            ELSE
                (c.first_name <> s.first_name AND NOT (%(fill)s AND c.first_name <> ''))
                OR (c.last_name <> s.last_name AND NOT (%(fill)s AND c.last_name <> ''))
                OR (c.country <> s.country AND NOT (%(fill)s AND c.country <> ''))
                OR (c.region <> s.region AND NOT (%(fill)s AND c.region <> ''))
                OR (c.city <> s.city AND NOT (%(fill)s AND c.city <> ''))
                OR (c.address <> s.address AND NOT (%(fill)s AND c.address <> ''))
                OR (c.postcode <> s.postcode AND NOT (%(fill)s AND c.postcode <> ''))
                OR (c.language <> s.language AND NOT (%(fill)s AND c.language <> ''))
                OR (c.time_zone <> s.time_zone AND NOT (%(fill)s AND c.time_zone <> ''))
                OR (s.fields IS NOT NULL AND c.fields <> CASE WHEN %(fill)s THEN s.fields::jsonb || c.fields
                        ELSE (c.fields - string_to_array(s.cleared, ',')) || s.fields::jsonb END)
            END
    RETURNING c.bucket, c.contact_id, s.guarded, s.give_email, s.give_sms
), recorded AS (
    INSERT INTO consent_events (account_id, bucket, contact_id, channel, state, source, detail)
    SELECT %(account_id)s, a.bucket, a.contact_id, c.channel, %(state)s, %(source)s, %(detail)s::jsonb
    FROM changed a, LATERAL (VALUES (1::smallint, a.give_email), (2::smallint, a.give_sms)) AS c (channel, given)
    WHERE c.given
)
SELECT contact_id, guarded FROM changed

-- name: own_lists
-- How many of these lists the account has.
SELECT count(*) FROM lists WHERE account_id = %(account_id)s AND list_id = ANY (%(list_ids)s::bigint[])

-- name: join_lists
-- Sorted, for the same reason as everywhere here.
INSERT INTO list_members (account_id, bucket, list_id, contact_id)
SELECT %(account_id)s, (c.contact_id & 255)::smallint, l.list_id, c.contact_id
FROM unnest(%(contact_ids)s::bigint[]) AS c (contact_id)
CROSS JOIN unnest(%(list_ids)s::bigint[]) AS l (list_id)
ORDER BY 2, 3, 4
ON CONFLICT DO NOTHING
