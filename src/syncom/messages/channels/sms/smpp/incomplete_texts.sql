-- Statements of texts that come in parts.

-- name: add
-- Adds a part to its text, under the row's lock, so that of two parts at once the later one sees both. The same part of a told
-- text changes nothing; another one begins a new text, since phones count to 255 only. Primary key.
INSERT INTO incomplete_texts AS known (sender_id, from_address, to_address, reference, total, parts)
VALUES (%(sender_id)s, %(from)s, %(to)s, %(reference)s, %(total)s, %(part)s::jsonb)
ON CONFLICT (sender_id, from_address, to_address, reference, total) DO UPDATE SET
    parts = CASE WHEN known.is_told AND NOT known.parts @> excluded.parts THEN excluded.parts
        ELSE known.parts || excluded.parts END,
    begun_at = CASE WHEN known.is_told AND NOT known.parts @> excluded.parts THEN now() ELSE known.begun_at END,
    is_told = known.is_told AND known.parts @> excluded.parts
RETURNING parts, begun_at, is_told;

-- name: old
-- Texts whose time is over: to be told as they are, unless they were. Index: incomplete_texts_age.
SELECT sender_id, from_address, to_address, reference, total, parts, begun_at, is_told FROM incomplete_texts
WHERE begun_at < now() - %(patience)s ORDER BY begun_at LIMIT 100;

-- name: told
-- Primary key.
UPDATE incomplete_texts SET is_told = true
WHERE sender_id = %(sender_id)s AND from_address = %(from)s AND to_address = %(to)s AND reference = %(reference)s
  AND total = %(total)s AND begun_at = %(begun_at)s;

-- name: forget
-- Primary key.
DELETE FROM incomplete_texts
WHERE sender_id = %(sender_id)s AND from_address = %(from)s AND to_address = %(to)s AND reference = %(reference)s
  AND total = %(total)s AND begun_at = %(begun_at)s;
