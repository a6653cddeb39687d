-- Statements of texts that come in parts.

-- name: add
-- Adds a part to its text, under the row's lock, so that of two parts at once the later one sees both. The same part of a told
-- text changes nothing; another one begins a new text, since phones count to 255 only. Primary key.
INSERT INTO incomplete_texts AS known (sender_id, from_address, to_address, reference, total, parts, sent_at, give_up_at,
    forget_at)
VALUES (%(sender_id)s, %(from)s, %(to)s, %(reference)s, %(total)s, %(part)s::jsonb, %(sent_at)s, now() + %(patience)s,
    now() + %(kept)s)
ON CONFLICT (sender_id, from_address, to_address, reference, total) DO UPDATE SET (parts, begun_at, sent_at, give_up_at,
    forget_at, is_told) = (
    SELECT CASE WHEN again THEN excluded.parts ELSE known.parts || excluded.parts END,
        CASE WHEN again THEN now() ELSE known.begun_at END,
        CASE WHEN again THEN excluded.sent_at ELSE known.sent_at END,
        CASE WHEN again THEN excluded.give_up_at ELSE known.give_up_at END,
        CASE WHEN again THEN excluded.forget_at ELSE known.forget_at END,
        known.is_told AND NOT again
    FROM (SELECT known.is_told AND NOT known.parts @> excluded.parts AS again) AS new
)
RETURNING parts, begun_at, sent_at, is_told;

-- name: waited
-- Texts whose time is over: to be told as they are. Index: incomplete_texts_waiting.
SELECT sender_id, from_address AS from, to_address AS to, reference, total, parts, begun_at, sent_at FROM incomplete_texts
WHERE give_up_at < now() AND NOT is_told ORDER BY give_up_at LIMIT %(limit)s;

-- name: told
-- Primary key.
UPDATE incomplete_texts SET is_told = true
WHERE sender_id = %(sender_id)s AND from_address = %(from)s AND to_address = %(to)s AND reference = %(reference)s
  AND total = %(total)s AND begun_at = %(begun_at)s;

-- name: forget
-- Told texts of which no part comes again. Index: incomplete_texts_told.
DELETE FROM incomplete_texts WHERE forget_at < now() AND is_told;
