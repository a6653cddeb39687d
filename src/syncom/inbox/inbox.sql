-- name: add
INSERT INTO inbox_messages (channel, mail_from, recipient, subject, message_id, raw)
VALUES (%s, %s, %s, %s, %s, %s);

-- name: page
-- Newest first. Index: the primary key; with a recipient, inbox_messages_recipient.
SELECT inbox_id, received_at, channel, mail_from, recipient, subject, message_id
FROM inbox_messages
WHERE (%(before)s::bigint IS NULL OR inbox_id < %(before)s)
    AND (%(recipient)s::text IS NULL OR recipient = %(recipient)s)
ORDER BY inbox_id DESC
LIMIT %(limit)s;

-- name: entry
SELECT inbox_id, received_at, channel, mail_from, recipient, subject, message_id
FROM inbox_messages
WHERE inbox_id = %(inbox_id)s;

-- name: raw
SELECT raw FROM inbox_messages WHERE inbox_id = %(inbox_id)s;

-- name: count
SELECT count(*) FROM inbox_messages;

-- name: clear
DELETE FROM inbox_messages;

-- name: trim
DELETE FROM inbox_messages
WHERE inbox_id <= (SELECT inbox_id FROM inbox_messages ORDER BY inbox_id DESC OFFSET %(keep)s LIMIT 1);
