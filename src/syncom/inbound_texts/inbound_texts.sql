-- name: lock_number
-- Texts of one number are taken one after the other, so that two copies of a STOP are answered once.
SELECT pg_advisory_xact_lock(%(kind)s, hashtext(%(account_id)s::text || ':' || %(phone)s))

-- name: claim_id
-- No row: it came before. Primary key.
INSERT INTO inbound_text_ids (account_id, sender_id, peer_id, received_at)
VALUES (%(account_id)s, %(sender_id)s, %(peer_id)s, %(received_at)s)
ON CONFLICT DO NOTHING
RETURNING 1

-- name: find_contact
-- Who has this number, with the state of texts. Primary keys of identities and contacts.
SELECT c.contact_id, c.sms_state, c.language
FROM identities i
JOIN contacts c ON c.account_id = i.account_id AND c.bucket = (i.contact_id & 255)::smallint AND c.contact_id = i.contact_id
WHERE i.account_id = %(account_id)s AND i.kind = 2 AND i.value = %(phone)s

-- name: insert
INSERT INTO inbound_texts (account_id, bucket, contact_id, inbound_text_id, sender_id, phone, recipient, text, keyword,
    is_answered, peer_id, sent_at, received_at)
VALUES (%(account_id)s, %(bucket)s, %(contact_id)s, %(inbound_text_id)s, %(sender_id)s, %(phone)s, %(recipient)s, %(text)s,
    %(keyword)s, %(is_answered)s, %(peer_id)s, %(sent_at)s, %(received_at)s)

-- name: suppression
-- Why nothing is sent to this number, if nothing is. Primary key.
SELECT reason, detail FROM suppressions
WHERE account_id = %(account_id)s AND channel = 2 AND address = %(phone)s AND (expires_at IS NULL OR expires_at > now())

-- name: lift
DELETE FROM suppressions
WHERE account_id = %(account_id)s AND channel = 2 AND address = %(phone)s AND reason = %(reason)s
RETURNING 1

-- name: last_decision
-- The newest decision about texts, with its proof. Primary key of consent_events.
SELECT state, source, detail FROM consent_events
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s AND channel = 2
    AND category IS NULL
ORDER BY occurred_at DESC, consent_event_id DESC LIMIT 1

-- name: answered_since
-- Whether a keyword of this number was answered since a moment. Index: inbound_texts_phone.
SELECT EXISTS (
    SELECT FROM inbound_texts
    WHERE account_id = %(account_id)s AND phone = %(phone)s AND is_answered AND keyword = %(keyword)s
        AND received_at >= %(since)s
)

-- name: last_text
-- The newest text that this sender sent to this contact. Index: ledger_contact.
SELECT message_id FROM ledger
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s AND sender_id = %(sender_id)s
    AND channel = 2 AND state IN (1, 5) AND launched_at >= %(since)s AND settled_at >= %(since)s
ORDER BY settled_at DESC LIMIT 1

-- name: page
-- Newest first, those before the cursor. Indexes: inbound_texts_contact, inbound_texts_phone, inbound_texts_account.
SELECT inbound_text_id, nullif(contact_id, 0) AS contact_id, sender_id, phone, recipient, text, keyword, is_answered, peer_id,
    sent_at, received_at
FROM inbound_texts
WHERE account_id = %(account_id)s
    AND (%(before)s::uuid IS NULL OR inbound_text_id < %(before)s)
    AND (%(contact_id)s::bigint IS NULL OR contact_id = %(contact_id)s AND bucket = (%(contact_id)s & 255)::smallint)
    AND (%(phone)s = '' OR phone = %(phone)s)
    AND (%(sender_id)s::bigint IS NULL OR sender_id = %(sender_id)s)
    AND (%(keyword)s = '' OR keyword = %(keyword)s)
ORDER BY inbound_text_id DESC LIMIT %(limit)s

-- name: get
-- Index: inbound_texts_account.
SELECT inbound_text_id, nullif(contact_id, 0) AS contact_id, sender_id, phone, recipient, text, keyword, is_answered, peer_id,
    sent_at, received_at
FROM inbound_texts
WHERE account_id = %(account_id)s AND inbound_text_id = %(inbound_text_id)s

-- name: forget
-- Texts that were kept long enough. Index: inbound_texts_age.
DELETE FROM inbound_texts WHERE (account_id, bucket, inbound_text_id) IN (
    SELECT account_id, bucket, inbound_text_id FROM inbound_texts WHERE received_at < %(before)s LIMIT %(limit)s
)

-- name: forget_ids
DELETE FROM inbound_text_ids WHERE (account_id, sender_id, peer_id) IN (
    SELECT account_id, sender_id, peer_id FROM inbound_text_ids WHERE received_at < %(before)s LIMIT %(limit)s
)
