-- name: settings
SELECT confirmation_template_id FROM consent_settings WHERE account_id = %(account_id)s

-- name: put_settings
INSERT INTO consent_settings (account_id, confirmation_template_id) VALUES (%(account_id)s, %(template_id)s)
ON CONFLICT (account_id) DO UPDATE SET confirmation_template_id = excluded.confirmation_template_id

-- name: first_settings
-- Nothing when somebody else was first, or has replaced what was there before.
INSERT INTO consent_settings AS s (account_id, confirmation_template_id) VALUES (%(account_id)s, %(template_id)s)
ON CONFLICT (account_id) DO UPDATE SET confirmation_template_id = excluded.confirmation_template_id
    WHERE s.confirmation_template_id = %(before)s
RETURNING 1

-- name: lock_contact
-- One request after the other for a contact. Primary key of contacts.
SELECT email, email_state, language FROM contacts
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s FOR NO KEY UPDATE

-- name: recent
-- How many requests a contact made since a moment, and when the last one was. Primary key of confirmations.
SELECT count(*), max(requested_at) FROM confirmations
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s AND requested_at > %(since)s

-- name: recent_of_ip
-- Index: confirmations_ip.
SELECT count(*) FROM confirmations
WHERE account_id = %(account_id)s AND ip = %(ip)s AND requested_at > %(since)s

-- name: add_confirmation
INSERT INTO confirmations (account_id, bucket, contact_id, confirmation_id, address, language, request, ip, requested_at,
    expires_at)
VALUES (%(account_id)s, %(bucket)s, %(contact_id)s, %(confirmation_id)s, %(address)s, %(language)s, %(request)s, %(ip)s,
    %(requested_at)s, %(expires_at)s)

-- name: drop_confirmation
DELETE FROM confirmations
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s
    AND confirmation_id = %(confirmation_id)s

-- name: mailed
UPDATE confirmations SET message_id = %(message_id)s
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s
    AND confirmation_id = %(confirmation_id)s

-- name: confirmation
-- Primary key.
SELECT address, language, request, requested_at, expires_at, confirmed_at, message_id FROM confirmations
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s
    AND confirmation_id = %(confirmation_id)s

-- name: confirm
-- Nothing when it was confirmed before.
UPDATE confirmations SET confirmed_at = %(confirmed_at)s
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s
    AND confirmation_id = %(confirmation_id)s AND confirmed_at IS NULL
RETURNING 1

-- name: mail_sent_at
-- When the mail of a request was taken by a server. Primary key of ledger.
SELECT min(settled_at) FROM ledger
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND message_id = %(message_id)s AND state = 1

-- name: owner_of_email
-- Primary key of identities.
SELECT contact_id FROM identities WHERE account_id = %(account_id)s AND kind = 1 AND value = %(address)s

-- name: join_lists
-- Lists that are gone meanwhile are left out.
INSERT INTO list_members (account_id, bucket, list_id, contact_id)
SELECT %(account_id)s, %(bucket)s, l.list_id, %(contact_id)s FROM lists l
WHERE l.account_id = %(account_id)s AND l.list_id = ANY (%(list_ids)s::bigint[]) ORDER BY l.list_id
ON CONFLICT DO NOTHING

-- name: lacks
-- Whether a subscribed contact asks for something it does not have: a list, or a category that it declined or would have to
-- choose. Primary keys.
SELECT EXISTS (SELECT FROM unnest(%(list_ids)s::bigint[]) AS k (list_id) JOIN lists l ON l.account_id = %(account_id)s
               AND l.list_id = k.list_id
               WHERE NOT EXISTS (SELECT FROM list_members m WHERE m.account_id = %(account_id)s AND m.bucket = %(bucket)s
                   AND m.list_id = k.list_id AND m.contact_id = %(contact_id)s))

-- name: forget_confirmations
-- Index: confirmations_end.
DELETE FROM confirmations WHERE expires_at < %(before)s

-- name: pause
-- A break replaces a break; a stronger reason for silence stays.
INSERT INTO suppressions AS s (account_id, channel, address, reason, expires_at)
VALUES (%(account_id)s, 1, %(address)s, 'paused', %(until)s)
ON CONFLICT (account_id, channel, address) DO UPDATE
    SET reason = excluded.reason, expires_at = excluded.expires_at, created_at = now()
    WHERE s.reason = 'paused' OR s.expires_at < now()

-- name: end_pause
DELETE FROM suppressions
WHERE account_id = %(account_id)s AND channel = 1 AND address = %(address)s AND reason = 'paused'

-- name: paused_until
SELECT expires_at FROM suppressions
WHERE account_id = %(account_id)s AND channel = 1 AND address = %(address)s AND reason = 'paused'
    AND expires_at > %(now)s

-- name: states_before
-- The last state of each channel that was not an unsubscription. Primary key of consent_events.
SELECT DISTINCT ON (channel) channel, state FROM consent_events
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s AND category IS NULL
    AND state <> 3
ORDER BY channel, consent_event_id DESC
