-- name: secret
SELECT sealed FROM erasure_secrets WHERE account_id = %(account_id)s

-- name: put_secret
INSERT INTO erasure_secrets (account_id, sealed) VALUES (%(account_id)s, %(sealed)s) ON CONFLICT DO NOTHING

-- name: addresses
-- Addresses and numbers of contacts, deleted ones too, with the reason for silence of those that have one. Indexes
-- identities_contact and deleted_identities_contact; primary key of suppressions.
SELECT i.contact_id, i.kind, i.value, s.reason
FROM (SELECT contact_id, kind, value FROM identities
      WHERE account_id = %(account_id)s AND contact_id = ANY (%(contact_ids)s::bigint[]) AND kind IN (1, 2)
      UNION
      SELECT contact_id, kind, value FROM deleted_identities
      WHERE account_id = %(account_id)s AND contact_id = ANY (%(contact_ids)s::bigint[]) AND kind IN (1, 2)) AS i
LEFT JOIN suppressions s ON s.account_id = %(account_id)s AND s.channel = i.kind AND s.address = i.value
    AND (s.expires_at IS NULL OR s.expires_at > now()) AND s.reason <> 'paused'
ORDER BY i.contact_id, i.kind, i.value

-- name: remember
-- A reason that stops everything stays.
INSERT INTO erased_addresses AS e (account_id, channel, address_hash, reason, erased_at)
SELECT %(account_id)s, k.channel, k.address_hash, k.reason, %(erased_at)s
FROM unnest(%(channels)s::smallint[], %(hashes)s::bytea[], %(reasons)s::text[]) AS k (channel, address_hash, reason)
ON CONFLICT (account_id, channel, address_hash) DO UPDATE SET reason = excluded.reason
    WHERE e.reason IN ('erased', 'unsubscribed')

-- name: drop_suppressions
-- The address itself goes.
DELETE FROM suppressions s
USING unnest(%(channels)s::smallint[], %(addresses)s::text[]) AS k (channel, address)
WHERE s.account_id = %(account_id)s AND s.channel = k.channel AND s.address = k.address

-- name: has_erased
-- Primary key.
SELECT EXISTS (SELECT FROM erased_addresses WHERE account_id = %(account_id)s)

-- name: refused
-- Which of these hashes are known, and why. Primary key.
SELECT address_hash, reason FROM erased_addresses
WHERE account_id = %(account_id)s AND channel = %(channel)s AND address_hash = ANY (%(hashes)s::bytea[])

-- name: lift
DELETE FROM erased_addresses
WHERE account_id = %(account_id)s AND channel = %(channel)s AND address_hash = ANY (%(hashes)s::bytea[])
    AND reason IN ('erased', 'unsubscribed')

-- name: kept
-- Facts that stay without the person: ledger and activity. Indexes ledger_contact and activity_contact.
SELECT (SELECT count(*) FROM ledger l
        JOIN unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
        ON l.account_id = %(account_id)s AND l.bucket = k.bucket AND l.contact_id = k.contact_id),
       (SELECT count(*) FROM activity a
        JOIN unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
        ON a.account_id = %(account_id)s AND a.bucket = k.bucket AND a.contact_id = k.contact_id)

-- name: certify
INSERT INTO erasures (account_id, contact_id, erased_at, certificate, signature, public_key)
VALUES (%(account_id)s, %(contact_id)s, %(erased_at)s, %(certificate)s, %(signature)s, %(public_key)s)

-- name: certificates
-- The last one first, behind the cursor. Primary key.
SELECT erasure_id, contact_id, erased_at, certificate, signature, public_key FROM erasures
WHERE account_id = %(account_id)s AND erasure_id < %(before)s
    AND (%(contact_id)s::bigint IS NULL OR contact_id = %(contact_id)s)
ORDER BY erasure_id DESC LIMIT %(limit)s
