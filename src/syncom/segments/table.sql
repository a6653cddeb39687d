-- name: candidates
-- Contacts that a few typed words may mean, so many of each kind: an address or number that begins so, an id of the
-- account's or ours, a name that begins so, and both names in either order. Primary key of identities; indexes
-- contacts_newest, contacts_name and contacts_first_name.
(SELECT contact_id FROM identities
 WHERE account_id = %(account_id)s AND kind = 1 AND starts_with(value, %(whole)s)
     AND value >= %(whole)s AND value < %(whole)s || U&'\+10FFFF'
 LIMIT %(limit)s)
UNION
(SELECT contact_id FROM identities
 WHERE account_id = %(account_id)s AND kind = 2 AND %(digits)s <> '' AND starts_with(value, '+' || %(digits)s)
     AND value >= '+' || %(digits)s AND value < '+' || %(digits)s || ':'
 LIMIT %(limit)s)
UNION
(SELECT contact_id FROM identities
 WHERE account_id = %(account_id)s AND kind = ANY ('{3,4}') AND value = ANY (%(exact)s::text[]))
UNION
(SELECT contact_id FROM contacts WHERE account_id = %(account_id)s AND contact_id = %(number)s::bigint)
UNION
(SELECT contact_id FROM contacts c
 WHERE account_id = %(account_id)s
     AND coalesce(nullif(left(lower(last_name || ' ' || first_name), 200), ' '), U&'\+10FFFF') COLLATE "C" >= %(whole)s
     AND coalesce(nullif(left(lower(last_name || ' ' || first_name), 200), ' '), U&'\+10FFFF') COLLATE "C"
         < %(whole)s || U&'\+10FFFF'
     AND starts_with(lower(last_name || ' ' || first_name), %(whole)s)
 LIMIT %(limit)s)
UNION
(SELECT contact_id FROM contacts
 WHERE account_id = %(account_id)s AND first_name <> '' AND left(lower(first_name), 100) COLLATE "C" >= %(whole)s
     AND left(lower(first_name), 100) COLLATE "C" < %(whole)s || U&'\+10FFFF'
     AND starts_with(lower(first_name), %(whole)s)
 LIMIT %(limit)s)
UNION
(SELECT contact_id FROM contacts
 WHERE account_id = %(account_id)s AND %(last)s <> '' AND first_name <> ''
     AND left(lower(first_name), 100) COLLATE "C" >= %(first)s
     AND left(lower(first_name), 100) COLLATE "C" < %(first)s || U&'\+10FFFF'
     AND starts_with(lower(first_name || ' ' || last_name), %(whole)s)
 LIMIT %(limit)s);
