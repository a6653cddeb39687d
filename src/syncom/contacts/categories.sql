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

-- name: refusal
-- An expression over a contact c, not a statement: why it gets no message of the categories in question; NULL: it may. Who
-- declined one of them gets it only when it chose another of them; who chose categories gets only those. Primary keys of
-- contact_categories and declined_categories.
(SELECT CASE WHEN bool_or(x.wanted) THEN NULL
            WHEN bool_or(x.declined) THEN 'unsubscribed from ' || min(x.name) FILTER (WHERE x.declined)
            WHEN bool_or(x.chooses) THEN 'chose other categories' END
 FROM (SELECT k.category_id = ANY (%(category_ids)s::bigint[]) AS wanted, false AS declined, true AS chooses, '' AS name
       FROM contact_categories k
       WHERE k.account_id = c.account_id AND k.bucket = c.bucket AND k.contact_id = c.contact_id
       UNION ALL
       SELECT false, d.category_id = ANY (%(category_ids)s::bigint[]), d.chosen,
           (SELECT g.name FROM subscription_categories g WHERE g.category_id = d.category_id)
       FROM declined_categories d
       WHERE d.account_id = c.account_id AND d.bucket = c.bucket AND d.contact_id = c.contact_id) AS x)

-- name: opted_out
-- Of these contacts, those who get nothing of the categories, and why.
SELECT c.contact_id, c.reason
FROM (
    SELECT c.contact_id, {refusal} AS reason
    FROM unnest(%(account_ids)s::bigint[], %(buckets)s::smallint[], %(contact_ids)s::bigint[])
        AS c (account_id, bucket, contact_id)
) AS c
WHERE c.reason IS NOT NULL

-- name: forget_declined
-- One bucket at a time. Primary key of declined_categories.
DELETE FROM declined_categories
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND category_id = %(category_id)s

-- name: take_back_declined
-- What is chosen is not declined any more. Primary key of declined_categories.
DELETE FROM declined_categories d
USING unnest(%(contact_ids)s::bigint[]) AS c (contact_id)
WHERE d.account_id = %(account_id)s AND d.bucket = (c.contact_id & 255)::smallint AND d.contact_id = c.contact_id
    AND d.category_id = ANY (%(category_ids)s::bigint[])

-- name: choices
-- Every category of the account, and what a contact said about it: chosen, declined, whether it chooses at all. Primary keys.
SELECT g.category_id, g.key, g.name, k.category_id IS NOT NULL, d.category_id IS NOT NULL
FROM subscription_categories g
LEFT JOIN contact_categories k ON k.account_id = g.account_id AND k.bucket = %(bucket)s AND k.contact_id = %(contact_id)s
    AND k.category_id = g.category_id
LEFT JOIN declined_categories d ON d.account_id = g.account_id AND d.bucket = %(bucket)s AND d.contact_id = %(contact_id)s
    AND d.category_id = g.category_id
WHERE g.account_id = %(account_id)s ORDER BY lower(g.name), g.category_id

-- name: chooses
-- Whether a contact gets only what it chose. Primary keys.
SELECT EXISTS (SELECT FROM contact_categories WHERE account_id = %(account_id)s AND bucket = %(bucket)s
               AND contact_id = %(contact_id)s)
    OR EXISTS (SELECT FROM declined_categories WHERE account_id = %(account_id)s AND bucket = %(bucket)s
               AND contact_id = %(contact_id)s AND chosen)

-- name: named
-- Names by id. Primary key of subscription_categories.
SELECT category_id, name FROM subscription_categories
WHERE account_id = %(account_id)s AND category_id = ANY (%(category_ids)s::bigint[])

-- name: decide
-- Places (from 1) of the decisions about categories that changed something; each gets its row of history. At most one of a
-- contact in a statement; contacts are locked in the order of account, bucket, contact.
WITH given AS MATERIALIZED (
    SELECT b.* FROM unnest(%(account_ids)s::bigint[], %(buckets)s::smallint[], %(contact_ids)s::bigint[],
        %(category_ids)s::bigint[], %(channels)s::smallint[], %(states)s::smallint[], %(occurred)s::timestamptz[],
        string_to_array(%(sources)s, E'\x1f'), string_to_array(%(details)s, E'\x1f', E'\x1e'), %(always)s::boolean[])
        WITH ORDINALITY
        AS b (account_id, bucket, contact_id, category_id, channel, state, occurred_at, source, detail, always, n)
), held AS MATERIALIZED (
    SELECT b.*, g.key FROM given b
    JOIN contacts c ON c.account_id = b.account_id AND c.bucket = b.bucket AND c.contact_id = b.contact_id
    JOIN subscription_categories g ON g.account_id = b.account_id AND g.category_id = b.category_id
    ORDER BY b.account_id, b.bucket, b.contact_id
    FOR NO KEY UPDATE OF c
), declined AS (
    INSERT INTO declined_categories (account_id, bucket, contact_id, category_id, chosen, declined_at)
    SELECT h.account_id, h.bucket, h.contact_id, h.category_id,
        EXISTS (SELECT FROM contact_categories k WHERE k.account_id = h.account_id AND k.bucket = h.bucket
                AND k.contact_id = h.contact_id AND k.category_id = h.category_id), h.occurred_at
    FROM held h WHERE h.state = 3
    ON CONFLICT DO NOTHING
    RETURNING account_id, contact_id
), dropped AS (
    DELETE FROM contact_categories k USING held h
    WHERE h.state = 3 AND k.account_id = h.account_id AND k.bucket = h.bucket AND k.contact_id = h.contact_id
        AND k.category_id = h.category_id
), returned AS (
    DELETE FROM declined_categories d USING held h
    WHERE h.state = 2 AND d.account_id = h.account_id AND d.bucket = h.bucket AND d.contact_id = h.contact_id
        AND d.category_id = h.category_id
    RETURNING d.account_id, d.bucket, d.contact_id, d.category_id
), added AS (
    -- Who gets only what it chose has to choose it; who takes back a no is one who gets everything else as well.
    INSERT INTO contact_categories (account_id, bucket, contact_id, category_id)
    SELECT h.account_id, h.bucket, h.contact_id, h.category_id FROM held h
    WHERE h.state = 2 AND (EXISTS (SELECT FROM contact_categories k WHERE k.account_id = h.account_id
            AND k.bucket = h.bucket AND k.contact_id = h.contact_id)
        OR EXISTS (SELECT FROM declined_categories d WHERE d.account_id = h.account_id AND d.bucket = h.bucket
            AND d.contact_id = h.contact_id AND d.chosen))
    ON CONFLICT DO NOTHING
    RETURNING account_id, contact_id
), changed AS (
    SELECT h.* FROM held h
    WHERE h.always OR EXISTS (SELECT FROM declined x WHERE x.account_id = h.account_id AND x.contact_id = h.contact_id)
        OR EXISTS (SELECT FROM returned x WHERE x.account_id = h.account_id AND x.contact_id = h.contact_id)
        OR EXISTS (SELECT FROM added x WHERE x.account_id = h.account_id AND x.contact_id = h.contact_id)
), recorded AS (
    INSERT INTO consent_events (account_id, bucket, contact_id, channel, category, state, occurred_at, source, detail)
    SELECT account_id, bucket, contact_id, channel, key, state, occurred_at, source, detail::jsonb
    FROM changed ORDER BY n
)
SELECT n FROM changed
