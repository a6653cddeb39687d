-- name: addresses
-- One step through the account's addresses in their order: each with its contact, and the contact whose address is the same but
-- for dots and what follows a plus. Primary key of identities, read from `after` on, and probed once a row.
SELECT s.value, s.contact_id, (
    SELECT p.contact_id FROM identities p
    WHERE p.account_id = %(account_id)s AND p.kind = 1 AND p.value = s.plain AND s.plain <> s.value
        AND p.contact_id <> s.contact_id)
FROM (
    SELECT value, contact_id,
        replace(split_part(split_part(value, '@', 1), '+', 1), '.', '') || '@' || split_part(value, '@', 2) AS plain
    FROM identities
    WHERE account_id = %(account_id)s AND kind = 1 AND value > %(after)s
    ORDER BY value LIMIT %(step)s
) AS s
ORDER BY s.value

-- name: names
-- One step through the account's contacts in the order of their names; who has no name is not among them. Index contacts_name,
-- read from the place (`after`, `after_id`) on.
SELECT coalesce(nullif(left(lower(last_name || ' ' || first_name), 200), ' '), U&'\+10FFFF') COLLATE "C" AS name,
    contact_id, coalesce(email, ''), lower(city), lower(address), lower(postcode),
    (SELECT coalesce(jsonb_object_agg(f.key, f.value), '{}') FROM jsonb_each_text(fields) AS f
     WHERE f.key = ANY (%(dates)s::text[]) AND f.value IS NOT NULL)
FROM contacts
WHERE account_id = %(account_id)s
    AND (coalesce(nullif(left(lower(last_name || ' ' || first_name), 200), ' '), U&'\+10FFFF') COLLATE "C", contact_id)
        > (%(after)s::text COLLATE "C", %(after_id)s)
    AND coalesce(nullif(left(lower(last_name || ' ' || first_name), 200), ' '), U&'\+10FFFF') COLLATE "C"
        < U&'\+10FFFF' COLLATE "C"
ORDER BY coalesce(nullif(left(lower(last_name || ' ' || first_name), 200), ' '), U&'\+10FFFF') COLLATE "C", contact_id
LIMIT %(step)s
