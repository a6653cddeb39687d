-- name: find_upload
-- The image that this file became before. Unique index of account and hash.
SELECT image_id FROM images WHERE account_id = %(account_id)s AND upload_hash = %(upload_hash)s;

-- name: add
-- A new image; nothing when another request has just added the same file.
INSERT INTO images (account_id, key, name, content_type, width, height, frames, size, upload_hash, content, thumbnail)
VALUES (%(account_id)s, %(key)s, %(name)s, %(content_type)s, %(width)s, %(height)s, %(frames)s, %(size)s,
        %(upload_hash)s, %(content)s, %(thumbnail)s)
ON CONFLICT (account_id, upload_hash) DO NOTHING;

-- name: find
-- One image without its bytes. Primary key.
SELECT image_id, key, name, content_type, width, height, frames, size, created_at, updated_at
FROM images
WHERE account_id = %(account_id)s AND image_id = %(image_id)s;

-- name: lock
-- The same, for whoever changes it. Primary key.
SELECT image_id, key, name, content_type, width, height, frames, size, created_at, updated_at
FROM images
WHERE account_id = %(account_id)s AND image_id = %(image_id)s
FOR UPDATE;

-- name: list
-- A page, newest first, of those with these words in their name: an account has thousands at most. Index images_account.
SELECT image_id, key, name, content_type, width, height, frames, size, created_at, updated_at
FROM images
WHERE account_id = %(account_id)s AND (%(before)s::bigint IS NULL OR image_id < %(before)s)
  AND (%(words)s = '' OR strpos(lower(name), %(words)s) > 0)
ORDER BY image_id DESC
LIMIT %(limit)s;

-- name: used_space
-- Bytes of an account's images. Index images_account.
SELECT coalesce(sum(size), 0)::bigint FROM images WHERE account_id = %(account_id)s;

-- name: rename
-- Primary key.
UPDATE images SET name = %(name)s, updated_at = %(now)s
WHERE account_id = %(account_id)s AND image_id = %(image_id)s;

-- name: delete
-- Primary key.
DELETE FROM images WHERE account_id = %(account_id)s AND image_id = %(image_id)s;

-- name: users
-- What shows an image, by the key in its address: templates, their languages, and what campaigns under way have frozen.
-- An account has thousands of templates at most. Indexes templates_account, campaigns_account.
SELECT 'template', t.name FROM templates t
WHERE t.account_id = %(account_id)s
  AND (strpos(t.source, %(key)s) > 0 OR strpos(t.text, %(key)s) > 0 OR strpos(t.members::text, %(key)s) > 0
       OR EXISTS (SELECT FROM template_languages l
                  WHERE l.account_id = t.account_id AND l.template_id = t.template_id
                    AND (strpos(l.source, %(key)s) > 0 OR strpos(l.text, %(key)s) > 0
                         OR strpos(l.members::text, %(key)s) > 0)))
UNION ALL
SELECT 'campaign', c.name FROM campaigns c
JOIN contents k ON k.content_id = c.content_id
WHERE c.account_id = %(account_id)s AND c.state NOT IN ('finished', 'cancelled', 'failed')
  AND strpos(k.compiled::text, %(key)s) > 0
ORDER BY 1 DESC, 2
LIMIT 5;

-- name: serve
-- The bytes behind a public address. Unique index of the key.
SELECT content_type, content FROM images WHERE key = %(key)s;

-- name: serve_thumbnail
-- The small one. Unique index of the key.
SELECT content_type, thumbnail FROM images WHERE key = %(key)s;
