-- name: page
-- The next contacts of the account after (bucket, contact_id). Primary key of contacts.
SELECT bucket, contact_id, email, phone, external_id, contact_key, first_name, last_name, country, region, city,
    address, postcode, language, time_zone, email_state, sms_state, push_state, created_at, fields
FROM contacts
WHERE account_id = %(account_id)s AND (bucket, contact_id) > (%(bucket)s, %(contact_id)s)
ORDER BY bucket, contact_id LIMIT %(count)s

-- name: list_page
-- The same for the members of a list. Primary key of list_members, then of contacts. A member that was deleted
-- meanwhile has NULL in its columns, so that the page still moves on.
SELECT m.bucket, m.contact_id, c.email, c.phone, c.external_id, c.contact_key, c.first_name, c.last_name, c.country,
    c.region, c.city, c.address, c.postcode, c.language, c.time_zone, c.email_state, c.sms_state, c.push_state,
    c.created_at, c.fields
FROM (
    SELECT account_id, bucket, contact_id FROM list_members
    WHERE account_id = %(account_id)s AND list_id = %(list_id)s
        AND (bucket, contact_id) > (%(bucket)s, %(contact_id)s)
    ORDER BY bucket, contact_id LIMIT %(count)s
) AS m
LEFT JOIN contacts c ON c.account_id = m.account_id AND c.bucket = m.bucket AND c.contact_id = m.contact_id
ORDER BY m.bucket, m.contact_id

-- name: addresses
-- Every e-mail address and number of these contacts. Index identities_contact.
SELECT contact_id, kind, value FROM identities
WHERE account_id = %(account_id)s AND contact_id = ANY (%(contact_ids)s) AND kind IN (1, 2)
ORDER BY contact_id, kind, value
