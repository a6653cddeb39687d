-- Statements of the product catalogue. Writers of an account's catalogue take turns (`lock`), so that the state is that
-- of whoever was last, and no reader sees half a feed.

-- name: lock
SELECT pg_advisory_xact_lock(8127, hashint8(%(account_id)s::bigint));

-- name: stage
-- Rows of a batch, as JSON. Primary key of staged_products.
INSERT INTO staged_products (account_id, run_id, place, product_id, language, name, is_available, categories,
    category_keys, details, digest)
SELECT %(account_id)s, %(run_id)s, place, product_id, language, name, is_available, categories, category_keys, details,
    digest
FROM jsonb_to_recordset(%(rows)s::jsonb) AS given (place bigint, product_id text, language text, name text,
    is_available boolean, categories text[], category_keys text[], details jsonb, digest text);

-- name: merge
-- Everything staged in a run into the catalogue, the later of two with one id; what is the same is neither written nor
-- locked, and its details are not even read. Returns how many there are, were created, and were changed. Primary keys of
-- both tables. All writers take turns, so nobody else adds a row meanwhile. Every row is looked up by its key (LIMIT 1):
-- of a table that was just filled there are no statistics, and the planner would compare all with all.
WITH given AS MATERIALIZED (
    SELECT DISTINCT ON (product_id, language) product_id, language, place, digest
    FROM staged_products
    WHERE account_id = %(account_id)s AND run_id = %(run_id)s
    ORDER BY product_id, language, place DESC
), differing AS MATERIALIZED (
    SELECT g.product_id, g.language, g.place
    FROM given g
    LEFT JOIN LATERAL (
        SELECT digest, feed_id FROM products
        WHERE account_id = %(account_id)s AND product_id = g.product_id AND language = g.language LIMIT 1
    ) AS p ON true
    WHERE p.digest IS DISTINCT FROM g.digest OR p.feed_id IS DISTINCT FROM %(feed_id)s
), written AS (
    INSERT INTO products AS known (account_id, product_id, language, feed_id, name, is_available, categories,
        category_keys, details, digest, added_at, changed_at)
    SELECT s.account_id, s.product_id, s.language, %(feed_id)s, s.name, s.is_available, s.categories, s.category_keys,
        s.details, s.digest, %(now)s, %(now)s
    FROM differing d
    CROSS JOIN LATERAL (
        SELECT * FROM staged_products
        WHERE account_id = %(account_id)s AND run_id = %(run_id)s AND product_id = d.product_id
          AND language = d.language AND place = d.place LIMIT 1
    ) AS s
    ON CONFLICT (account_id, product_id, language) DO UPDATE SET feed_id = excluded.feed_id, name = excluded.name,
        is_available = excluded.is_available, categories = excluded.categories,
        category_keys = excluded.category_keys, details = excluded.details, digest = excluded.digest,
        changed_at = CASE WHEN known.digest = excluded.digest THEN known.changed_at ELSE excluded.changed_at END
    RETURNING (xmax = 0) AS created, changed_at = %(now)s AS changed
)
SELECT (SELECT count(*) FROM given), count(*) FILTER (WHERE created),
    count(*) FILTER (WHERE NOT created AND changed)
FROM written;

-- name: vanishing
-- How many products of a feed there are, and how many of them are not in this run. Indexes: products_feed, primary key
-- of staged_products (looked up one by one, as in `merge`).
SELECT count(*), count(*) FILTER (WHERE (
    SELECT true FROM staged_products
    WHERE account_id = %(account_id)s AND run_id = %(run_id)s AND product_id = p.product_id AND language = p.language
    LIMIT 1) IS NULL)
FROM products p WHERE account_id = %(account_id)s AND feed_id = %(feed_id)s;

-- name: remove_vanished
-- The same indexes.
DELETE FROM products p
WHERE account_id = %(account_id)s AND feed_id = %(feed_id)s AND (
    SELECT true FROM staged_products
    WHERE account_id = %(account_id)s AND run_id = %(run_id)s AND product_id = p.product_id AND language = p.language
    LIMIT 1) IS NULL;

-- name: unstage
DELETE FROM staged_products WHERE account_id = %(account_id)s AND run_id = %(run_id)s;

-- name: forget_staged
-- What runs left behind that were cut off.
DELETE FROM staged_products WHERE account_id = %(account_id)s AND staged_at < %(before)s;

-- name: of_feed
-- Index: products_feed.
DELETE FROM products WHERE account_id = %(account_id)s AND feed_id = %(feed_id)s;

-- name: delete
-- In all languages. Primary key.
DELETE FROM products WHERE account_id = %(account_id)s AND product_id = ANY (%(product_ids)s);

-- name: find
-- Products in all their languages. Primary key.
SELECT details, feed_id, added_at, changed_at FROM products
WHERE account_id = %(account_id)s AND product_id = ANY (%(product_ids)s::text[])
ORDER BY product_id, language;

-- name: exists
-- Whether there is a catalogue. Primary key.
SELECT EXISTS (SELECT FROM products WHERE account_id = %(account_id)s);

-- name: list
-- A page by id and language. Primary key; with words products_words, with a category products_categories.
SELECT details, feed_id, added_at, changed_at FROM products
WHERE account_id = %(account_id)s AND (product_id, language) > (%(after_id)s, %(after_language)s)
  AND (%(words)s::text IS NULL OR to_tsvector('simple', name) @@ to_tsquery('simple', %(words)s) OR product_id = %(id)s)
  AND (%(category)s::text IS NULL OR category_keys @> ARRAY[%(category)s::text])
  AND (NOT %(available)s OR is_available)
ORDER BY product_id, language LIMIT %(limit)s;

-- name: newest
-- Those that can be had, the newest first, in all languages. Index: products_new; with a category products_categories.
SELECT details, feed_id, added_at, changed_at FROM products
WHERE account_id = %(account_id)s AND is_available
  AND (%(category)s::text IS NULL OR category_keys @> ARRAY[%(category)s::text])
ORDER BY added_at DESC, product_id DESC LIMIT %(limit)s;

-- name: categories
-- Places in the tree, with how many products are right there. Goes through the account's products.
SELECT categories, count(DISTINCT product_id) FROM products
WHERE account_id = %(account_id)s AND categories <> '{}'
GROUP BY categories ORDER BY categories;
