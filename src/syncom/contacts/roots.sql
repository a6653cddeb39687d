-- name: due
-- Accounts with a history of consent and no root of the day. Primary keys of consent_events and consent_roots.
SELECT a.account_id FROM accounts a
WHERE NOT EXISTS (SELECT FROM consent_roots r WHERE r.account_id = a.account_id AND r.day = %(day)s)
    AND (EXISTS (SELECT FROM consent_events e WHERE e.account_id = a.account_id)
         OR EXISTS (SELECT FROM consent_roots r WHERE r.account_id = a.account_id))
ORDER BY a.account_id

-- name: hold
-- Waits until nobody is in the midst of writing history, so that no entry below the horizon comes later.
LOCK TABLE consent_events IN SHARE MODE

-- name: horizon
-- The last number of an entry that was given away.
SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM consent_events_consent_event_id_seq

-- name: links
-- Links of an account after an entry and up to another one, chain by chain, with whom they went when they were erased.
-- Primary keys of consent_events and erased_links.
SELECT chain, consent_event_id, link, 0 AS erased FROM consent_events
WHERE account_id = %(account_id)s AND chain IS NOT NULL
    AND consent_event_id > %(after)s AND consent_event_id <= %(until)s
UNION ALL
SELECT chain, consent_event_id, link, erased FROM erased_links
WHERE account_id = %(account_id)s AND consent_event_id > %(after)s AND consent_event_id <= %(until)s
ORDER BY chain, consent_event_id

-- name: roots
-- By day. Primary key.
SELECT day, until, statement, signature FROM consent_roots
WHERE account_id = %(account_id)s AND day > %(after)s::date ORDER BY day LIMIT %(limit)s

-- name: last
-- Primary key.
SELECT until, statement FROM consent_roots WHERE account_id = %(account_id)s ORDER BY day DESC LIMIT 1

-- name: add
INSERT INTO consent_roots (account_id, day, until, statement, signature)
VALUES (%(account_id)s, %(day)s, %(until)s, %(statement)s, %(signature)s)
ON CONFLICT DO NOTHING

-- name: certified
-- Certificates of these contacts. Index erasures_contact.
SELECT contact_id, certificate, signature, public_key, erased_at FROM erasures
WHERE account_id = %(account_id)s AND contact_id = ANY (%(contact_ids)s::bigint[])
