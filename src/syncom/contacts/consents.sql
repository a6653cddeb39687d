-- name: merged_into
-- Which of these contacts were merged into another one. Primary key of merged_contacts.
SELECT k.n, m.into_contact_id
FROM unnest(%(account_ids)s::bigint[], %(buckets)s::smallint[], %(contact_ids)s::bigint[])
    WITH ORDINALITY AS k (account_id, bucket, contact_id, n)
JOIN merged_contacts m ON m.account_id = k.account_id AND m.bucket = k.bucket AND m.contact_id = k.contact_id

-- name: set_consents
-- Places (from 1) of the changes that changed something; each of them gets its row of history. At most one change
-- of a contact in a statement; rows come sorted by account, bucket, contact and are locked in that order.
WITH changed AS (
    UPDATE contacts c SET
        email_state = CASE WHEN k.channel = 1 THEN k.state ELSE c.email_state END,
        sms_state = CASE WHEN k.channel = 2 THEN k.state ELSE c.sms_state END,
        push_state = CASE WHEN k.channel = 3 THEN k.state ELSE c.push_state END,
        updated_at = now()
    FROM (
        SELECT b.*
        FROM unnest(%(account_ids)s::bigint[], %(buckets)s::smallint[], %(contact_ids)s::bigint[],
            %(channels)s::smallint[], %(states)s::smallint[], %(occurred)s::timestamptz[],
            string_to_array(%(sources)s, E'\x1f'), string_to_array(%(details)s, E'\x1f', E'\x1e'),
            %(always)s::boolean[])
            WITH ORDINALITY AS b (account_id, bucket, contact_id, channel, state, occurred_at, source, detail, always, n)
        WHERE (b.bucket & 0) = 0 AND (b.contact_id & 0) = 0 OFFSET 0  -- see upsert.sql
    ) AS k
    WHERE c.account_id = k.account_id AND c.bucket = k.bucket AND c.contact_id = k.contact_id
        AND k.channel BETWEEN 1 AND 3
        AND (k.always
            OR CASE k.channel WHEN 1 THEN c.email_state WHEN 2 THEN c.sms_state ELSE c.push_state END <> k.state)
    RETURNING k.n, c.account_id, c.bucket, c.contact_id, k.channel, k.state, k.occurred_at, k.source, k.detail
), recorded AS (
    INSERT INTO consent_events (account_id, bucket, contact_id, channel, state, occurred_at, source, detail)
    SELECT account_id, bucket, contact_id, channel, state, occurred_at, source, detail::jsonb
    FROM changed ORDER BY n
)
SELECT n FROM changed

-- name: before_unsubscribing
-- Places (from 1) of what was unsubscribed, and by nothing but our pages since it was anything else, with the state before;
-- 0: none was known. Locks the contacts of all places, which come sorted by account, bucket, contact. Primary keys of
-- contacts and consent_events.
WITH held AS MATERIALIZED (
    SELECT k.*, g.key FROM contacts c
    JOIN unnest(%(account_ids)s::bigint[], %(buckets)s::smallint[], %(contact_ids)s::bigint[], %(category_ids)s::bigint[],
        %(channels)s::smallint[]) WITH ORDINALITY
        AS k (account_id, bucket, contact_id, category_id, channel, n)
        ON c.account_id = k.account_id AND c.bucket = k.bucket AND c.contact_id = k.contact_id
    LEFT JOIN subscription_categories g ON g.account_id = k.account_id AND g.category_id = k.category_id
    ORDER BY k.account_id, k.bucket, k.contact_id
    FOR NO KEY UPDATE OF c
), history AS (
    SELECT h.n, e.consent_event_id, e.state, e.source FROM held h
    JOIN consent_events e ON e.account_id = h.account_id AND e.bucket = h.bucket AND e.contact_id = h.contact_id
        AND e.channel = h.channel AND e.category IS NOT DISTINCT FROM h.key
    WHERE h.category_id = 0 OR h.key IS NOT NULL
), before AS (
    SELECT DISTINCT ON (n) n, consent_event_id, state FROM history WHERE state <> 3 ORDER BY n, consent_event_id DESC
)
SELECT h.n, coalesce(min(b.state), 0)
FROM history h LEFT JOIN before b ON b.n = h.n
WHERE h.consent_event_id > coalesce(b.consent_event_id, 0)
GROUP BY h.n HAVING bool_and(h.source IN ('page', 'one-click'))

-- name: set_deleted_consents
-- A decision about a contact that is deleted, such as a click in an old mail, holds when it is restored.
UPDATE deleted_contacts d SET contact = d.contact
    || jsonb_build_object((ARRAY['email_state', 'sms_state', 'push_state'])[k.channel], k.state)
FROM unnest(%(account_ids)s::bigint[], %(buckets)s::smallint[], %(contact_ids)s::bigint[], %(channels)s::smallint[],
    %(states)s::smallint[]) AS k (account_id, bucket, contact_id, channel, state)
WHERE d.account_id = k.account_id AND d.bucket = k.bucket AND d.contact_id = k.contact_id
    AND k.channel BETWEEN 1 AND 3

-- name: suppress
-- A longer suppression wins. Of two that last for ever the one that stops more does ('unsubscribed' and 'complaint' stop
-- mailings only), so the order in which reasons come does not matter; the same rule as in consents.py.
INSERT INTO suppressions AS s (account_id, channel, address, reason, detail, source, expires_at)
SELECT k.account_id, k.channel, k.address, k.reason, k.detail, k.source, k.expires_at
FROM unnest(%(account_ids)s::bigint[], %(channels)s::smallint[], string_to_array(%(addresses)s, E'\x1f'),
    string_to_array(%(reasons)s, E'\x1f'), string_to_array(%(details)s, E'\x1f'),
    string_to_array(%(sources)s, E'\x1f'), %(expires)s::timestamptz[])
    AS k (account_id, channel, address, reason, detail, source, expires_at)
WHERE k.account_id IS NOT NULL
ON CONFLICT (account_id, channel, address) DO UPDATE
    SET reason = excluded.reason, detail = excluded.detail, source = excluded.source, expires_at = excluded.expires_at,
        created_at = now()
    WHERE s.expires_at IS NOT NULL AND (excluded.expires_at IS NULL OR excluded.expires_at > s.expires_at)
        OR s.expires_at IS NULL AND excluded.expires_at IS NULL
            AND CASE excluded.reason WHEN 'unsubscribed' THEN 0 WHEN 'complaint' THEN 1 ELSE 2 END
                > CASE s.reason WHEN 'unsubscribed' THEN 0 WHEN 'complaint' THEN 1 ELSE 2 END

-- name: lift_unsubscribed
-- Addresses that were asked to get no mailings; other reasons stay.
DELETE FROM suppressions
WHERE account_id = %(account_id)s AND channel = %(channel)s AND reason = 'unsubscribed'
    AND address = ANY (%(addresses)s::text[])

-- name: listed_unsubscribed
-- Of these addresses, those that were asked to get no mailings. Primary key.
SELECT address FROM suppressions
WHERE account_id = %(account_id)s AND channel = %(channel)s AND reason = 'unsubscribed'
    AND address = ANY (%(addresses)s::text[])

-- name: primary_owners
-- Contacts whose mails go to these addresses. Primary keys of identities and contacts.
SELECT c.contact_id, c.email_state, c.sms_state
FROM unnest(%(addresses)s::text[]) AS k (address)
JOIN identities i ON i.account_id = %(account_id)s AND i.kind = %(channel)s AND i.value = k.address
JOIN contacts c ON c.account_id = i.account_id AND c.bucket = (i.contact_id & 255)::smallint
    AND c.contact_id = i.contact_id AND k.address = CASE %(channel)s WHEN 1 THEN c.email ELSE c.phone END

-- name: unsuppress
DELETE FROM suppressions
WHERE account_id = %(account_id)s AND channel = %(channel)s AND address = %(address)s
RETURNING 1

-- name: suppressions
-- By address, after the cursor. Primary key.
SELECT channel, address, reason, detail, source, created_at, expires_at FROM suppressions
WHERE account_id = %(account_id)s AND channel = %(channel)s AND address > %(after)s
    AND (%(reason)s = '' OR reason = %(reason)s)
    AND (%(prefix)s = '' OR address >= %(prefix)s AND starts_with(address, %(prefix)s))
ORDER BY address LIMIT %(limit)s
