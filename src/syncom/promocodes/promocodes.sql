-- name: upload
-- Adds codes and updates known ones; a code that is in use stays so. One row a code: whether it is new.
-- Index: promocodes_code.
INSERT INTO promocodes AS known (account_id, code, type, discount, expires_at, in_use)
SELECT %(account_id)s, row.code, row.type, row.discount, row.expires_at, row.in_use
FROM unnest(%(codes)s::text[], %(types)s::text[], %(discounts)s::smallint[], %(expires)s::timestamptz[],
            %(in_use)s::boolean[]) WITH ORDINALITY AS row (code, type, discount, expires_at, in_use, place)
ORDER BY row.place
ON CONFLICT (account_id, code) DO UPDATE
SET type = excluded.type, discount = excluded.discount, expires_at = excluded.expires_at,
    in_use = known.in_use OR excluded.in_use
RETURNING xmax = 0;

-- name: search
-- A page in the order of upload. Index: promocodes_account.
SELECT promocode_id, code, type, discount, expires_at, in_use, contact_id, taken_at FROM promocodes
WHERE account_id = %(account_id)s
  AND (%(code)s::text IS NULL OR code = %(code)s)
  AND (%(type)s::text IS NULL OR type = %(type)s)
  AND (%(discount)s::smallint IS NULL OR discount = %(discount)s)
  AND (%(in_use)s::boolean IS NULL OR in_use = %(in_use)s)
ORDER BY promocode_id
OFFSET %(offset)s LIMIT %(limit)s;

-- name: count
-- Index: promocodes_account.
SELECT count(*) FROM promocodes
WHERE account_id = %(account_id)s
  AND (%(code)s::text IS NULL OR code = %(code)s)
  AND (%(type)s::text IS NULL OR type = %(type)s)
  AND (%(discount)s::smallint IS NULL OR discount = %(discount)s)
  AND (%(in_use)s::boolean IS NULL OR in_use = %(in_use)s);

-- name: get
-- Index: primary key.
SELECT promocode_id, code, type, discount, expires_at, in_use, contact_id, taken_at FROM promocodes
WHERE account_id = %(account_id)s AND promocode_id = %(promocode_id)s;

-- name: switch_off
-- Index: primary key.
UPDATE promocodes SET in_use = true WHERE account_id = %(account_id)s AND promocode_id = %(promocode_id)s
RETURNING promocode_id;

-- name: taken
-- Codes that these effects have got. Index: promocodes_effect.
SELECT effect_id, code FROM promocodes
WHERE account_id = %(account_id)s AND effect_id = ANY (%(effect_ids)s::uuid[]);

-- name: take
-- The next free codes, oldest first, one for each taker; codes that somebody else is taking at the moment are left to
-- them. Fewer rows than takers: there are no more. Index: promocodes_free.
WITH free AS (
    SELECT promocode_id, row_number() OVER (ORDER BY promocode_id) AS place
    FROM (
        SELECT promocode_id FROM promocodes
        WHERE account_id = %(account_id)s AND NOT in_use
          AND (%(type)s::text IS NULL OR type = %(type)s)
          AND (%(discount)s::smallint IS NULL OR discount = %(discount)s)
          AND (expires_at IS NULL OR expires_at > %(now)s)
        ORDER BY promocode_id
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    ) AS found
)
UPDATE promocodes p
SET in_use = true, effect_id = taker.effect_id, contact_id = taker.contact_id, taken_at = %(now)s
FROM free
JOIN unnest(%(effect_ids)s::uuid[], %(contact_ids)s::bigint[]) WITH ORDINALITY
     AS taker (effect_id, contact_id, place) ON taker.place = free.place
WHERE p.promocode_id = free.promocode_id
RETURNING p.effect_id, p.code;
