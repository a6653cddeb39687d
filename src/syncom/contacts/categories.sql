-- name: categories
-- By key. Index subscription_categories_key.
SELECT category_id, key, name FROM subscription_categories WHERE account_id = %(account_id)s ORDER BY lower(key)

-- name: put_category
-- The name of a known key is changed.
INSERT INTO subscription_categories (account_id, key, name) VALUES (%(account_id)s, %(key)s, %(name)s)
ON CONFLICT (account_id, lower(key)) DO UPDATE SET name = excluded.name
RETURNING category_id, key, name

-- name: delete_category
DELETE FROM subscription_categories WHERE account_id = %(account_id)s AND category_id = %(category_id)s RETURNING key

-- name: forget_category
-- One bucket at a time. Primary key of contact_categories.
DELETE FROM contact_categories
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND category_id = %(category_id)s

-- name: ensure_categories
INSERT INTO subscription_categories (account_id, key, name)
SELECT DISTINCT ON (lower(n.key)) %(account_id)s, n.key, n.key FROM unnest(%(keys)s::text[]) AS n (key)
ORDER BY lower(n.key)
ON CONFLICT (account_id, lower(key)) DO NOTHING

-- name: named_categories
SELECT category_id FROM subscription_categories
WHERE account_id = %(account_id)s AND lower(key) = ANY (SELECT lower(n) FROM unnest(%(keys)s::text[]) AS n)

-- name: add_contact_categories
INSERT INTO contact_categories (account_id, bucket, contact_id, category_id)
SELECT %(account_id)s, (c.contact_id & 255)::smallint, c.contact_id, g.category_id
FROM unnest(%(contact_ids)s::bigint[]) AS c (contact_id) CROSS JOIN unnest(%(category_ids)s::bigint[]) AS g (category_id)
ORDER BY 2, 3, 4
ON CONFLICT DO NOTHING

-- name: drop_contact_categories
-- All of one contact but these. Primary key of contact_categories.
DELETE FROM contact_categories
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s
    AND category_id <> ALL (%(category_ids)s::bigint[])

-- name: contact_categories
-- Keys of one contact, in order. Primary key of contact_categories.
SELECT g.key FROM contact_categories c
JOIN subscription_categories g ON g.account_id = c.account_id AND g.category_id = c.category_id
WHERE c.account_id = %(account_id)s AND c.bucket = %(bucket)s AND c.contact_id = %(contact_id)s
ORDER BY lower(g.key)

-- name: lock_live
-- Index: primary key of contacts.
SELECT 1 FROM contacts
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s FOR SHARE

-- name: opted_out
-- Of these contacts, those who chose categories and none of these. Primary key of contact_categories.
SELECT c.contact_id
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
JOIN contact_categories c ON c.account_id = %(account_id)s AND c.bucket = k.bucket AND c.contact_id = k.contact_id
GROUP BY c.contact_id HAVING NOT bool_or(c.category_id = ANY (%(category_ids)s::bigint[]))
