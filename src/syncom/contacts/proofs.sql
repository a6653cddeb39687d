-- name: consent_history
-- Newest first, behind the cursor. Primary key of consent_events.
SELECT consent_event_id, channel, coalesce(category, ''), state, occurred_at, source, detail,
    coalesce(chain, contact_id), encode(coalesce(link, ''), 'hex')
FROM consent_events
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s
    AND consent_event_id < %(before)s
ORDER BY consent_event_id DESC
LIMIT %(limit)s

-- name: consent_at
-- What held at a moment for messages to a contact, the newest entry first: the last that was recorded until then about the
-- channel, and about each category. A contact that was merged since has its entries under the kept one, in its own chain.
-- Primary key of consent_events.
SELECT DISTINCT ON (coalesce(category, '')) consent_event_id, channel, coalesce(category, ''), state, occurred_at, source,
    detail, coalesce(chain, contact_id), encode(coalesce(link, ''), 'hex')
FROM consent_events
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s
    AND channel = %(channel)s AND occurred_at <= %(at)s
    AND coalesce(chain, (detail ->> 'merged_from')::bigint, contact_id) = %(recorded_for)s
ORDER BY coalesce(category, ''), consent_event_id DESC

-- name: consent_texts
-- What people were shown, by hash. Primary key of consent_texts.
SELECT encode(text_hash, 'hex'), language, text FROM consent_texts
WHERE account_id = %(account_id)s AND text_hash = ANY (%(hashes)s::bytea[])

-- name: keep_text
INSERT INTO consent_texts (account_id, text_hash, language, text)
VALUES (%(account_id)s, %(text_hash)s, %(language)s, %(text)s)
ON CONFLICT DO NOTHING

-- name: chains_of_bucket
-- Every entry of some contacts of a bucket, in the order of their chains, with what its link is made of. Whoever belongs to
-- nobody (the contact is gone, and not deleted so that it can be restored) is shown as well. Primary key of consent_events.
WITH chosen AS (
    SELECT DISTINCT contact_id FROM consent_events
    WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id > %(after)s
        AND (%(contact_id)s::bigint IS NULL OR contact_id = %(contact_id)s)
    ORDER BY contact_id LIMIT %(limit)s
)
SELECT e.contact_id, e.chain, e.consent_event_id, e.link, e.channel, coalesce(e.category, ''), e.state,
    (extract(epoch FROM e.occurred_at) * 1000000)::bigint, e.source, coalesce(e.detail::text, '')
FROM chosen JOIN consent_events e ON e.account_id = %(account_id)s AND e.bucket = %(bucket)s
    AND e.contact_id = chosen.contact_id
ORDER BY e.contact_id, e.chain, e.consent_event_id

-- name: states_of_contacts
-- What is acted on: the states beside contacts. Primary key of contacts.
SELECT contact_id, email_state, sms_state, push_state FROM contacts
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = ANY (%(contact_ids)s::bigint[])
