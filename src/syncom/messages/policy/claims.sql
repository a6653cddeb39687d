-- Statements of claims: one row a contact, so that its lock makes the count exact whoever sends at the same moment.

-- name: claim
-- Which of these contacts' messages have their place: they had it already, or no cap is reached. One message a contact. Rows
-- that do not know everything since the horizon (none yet, from before counting began, or merged since) are filled from
-- what was sent. One statement, so that rows are locked in one order. Index: the primary key; for those to fill the ones of
-- marketing_messages (measured: a tenth of a millisecond a contact, once).
WITH given AS (
    SELECT (g.contact_id & 255)::smallint AS bucket, g.contact_id, jsonb_build_object(
               g.message_id, jsonb_build_array(extract(epoch FROM %(now)s::timestamptz)::float8, %(channel)s::int)) AS asked
    FROM unnest(%(contact_ids)s::bigint[], %(message_ids)s::uuid[]) AS g (contact_id, message_id)
),
unknown AS MATERIALIZED (
    SELECT g.contact_id, g.bucket
    FROM given g
    LEFT JOIN message_claims f ON f.account_id = %(account_id)s AND f.bucket = g.bucket AND f.contact_id = g.contact_id
    WHERE f.contact_id IS NULL OR f.filled_at < %(counting_since)s OR f.known_from > %(horizon)s
        OR EXISTS (SELECT FROM merged_contacts m WHERE m.account_id = %(account_id)s
                   AND m.into_contact_id = g.contact_id AND m.merged_at >= f.filled_at)
),
history AS (
    SELECT u.contact_id, coalesce(h.claims, '{}') AS claims
    FROM unknown u
    CROSS JOIN LATERAL (
        SELECT jsonb_object_agg(k.message_id, k.claim) AS claims FROM (
            SELECT s.message_id::text, jsonb_build_array(extract(epoch FROM s.occurred_at)::float8, s.channel) AS claim
            FROM marketing_messages s
            WHERE s.account_id = %(account_id)s AND s.bucket = u.bucket AND s.contact_id = u.contact_id
                AND s.occurred_at > %(horizon)s
            UNION ALL
            SELECT e.key, e.value FROM merged_contacts m
            JOIN message_claims c ON c.account_id = m.account_id AND c.bucket = m.bucket AND c.contact_id = m.contact_id
            CROSS JOIN LATERAL jsonb_each(c.claims) AS e (key, value)
            WHERE m.account_id = %(account_id)s AND m.into_contact_id = u.contact_id
        ) AS k
    ) AS h
)
INSERT INTO message_claims AS f (account_id, bucket, contact_id, claims, asked, known_from, filled_at)
SELECT %(account_id)s, g.bucket, g.contact_id,
       place_claim(coalesce(h.claims, '{}'), g.asked, %(cap_messages)s::integer[], %(cap_sinces)s::timestamptz[], %(cap_channels)s::text[]), g.asked,
       %(horizon)s, CASE WHEN h.contact_id IS NULL THEN '-infinity' ELSE clock_timestamp() END
FROM given g LEFT JOIN history h ON h.contact_id = g.contact_id
ORDER BY g.bucket, g.contact_id
ON CONFLICT (account_id, bucket, contact_id) DO UPDATE
SET claims = place_claim(
        (excluded.claims - ARRAY(SELECT jsonb_object_keys(excluded.asked))) || claims_since(f.claims, %(horizon)s),
        excluded.asked, %(cap_messages)s::integer[], %(cap_sinces)s::timestamptz[], %(cap_channels)s::text[]),
    asked = excluded.asked,
    known_from = CASE WHEN excluded.filled_at > '-infinity' THEN excluded.known_from
                      ELSE greatest(f.known_from, excluded.known_from) END,
    filled_at = greatest(f.filled_at, excluded.filled_at)
RETURNING f.contact_id, (SELECT f.claims ? k.key FROM jsonb_object_keys(f.asked) AS k (key)) AS placed;

-- name: release
-- Messages that are not sent after all.
UPDATE message_claims f SET claims = f.claims - gone.message_ids
FROM (
    SELECT account_id, contact_id, array_agg(message_id::text) AS message_ids
    FROM unnest(%(account_ids)s::bigint[], %(contact_ids)s::bigint[], %(message_ids)s::uuid[])
        AS g (account_id, contact_id, message_id)
    GROUP BY account_id, contact_id ORDER BY account_id, contact_id & 255, contact_id
) AS gone
WHERE f.account_id = gone.account_id AND f.bucket = (gone.contact_id & 255)::smallint AND f.contact_id = gone.contact_id;

-- name: forget
-- Rows of accounts that do not count any more.
DELETE FROM message_claims f
WHERE NOT EXISTS (SELECT FROM sending_policies p WHERE p.account_id = f.account_id AND p.counting_since IS NOT NULL);
