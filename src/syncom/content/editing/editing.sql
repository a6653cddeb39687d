-- name: save_draft
-- What is being written, and the version it began from: the given one, else as before, else the newest. Primary key.
INSERT INTO template_drafts AS d (template_id, account_id, content, from_version, drafted_at, drafted_by)
SELECT t.template_id, t.account_id, %(content)s, coalesce(%(from_version)s, t.version), %(now)s, %(drafted_by)s
FROM templates t WHERE t.account_id = %(account_id)s AND t.template_id = %(template_id)s
ON CONFLICT (template_id) DO UPDATE
SET content = excluded.content, drafted_at = excluded.drafted_at,
    drafted_by = excluded.drafted_by, from_version = coalesce(%(from_version)s, d.from_version);

-- name: lock_draft
-- When it was saved last, and by whom; the same draft is saved once at a time. Primary keys.
SELECT d.drafted_at, d.drafted_by
FROM templates t LEFT JOIN template_drafts d ON d.template_id = t.template_id
WHERE t.account_id = %(account_id)s AND t.template_id = %(template_id)s
FOR UPDATE OF t;

-- name: find_draft
-- Primary keys.
SELECT d.content, d.from_version, t.version, d.drafted_at, d.drafted_by
FROM template_drafts d JOIN templates t ON t.template_id = d.template_id
WHERE d.account_id = %(account_id)s AND d.template_id = %(template_id)s;

-- name: drop_draft
-- Primary key.
DELETE FROM template_drafts WHERE account_id = %(account_id)s AND template_id = %(template_id)s;

-- name: versions
-- Former ones, the newest first. Primary key.
SELECT version, content ->> 'name', content ->> 'subject', saved_at FROM template_versions
WHERE account_id = %(account_id)s AND template_id = %(template_id)s AND version < %(before)s
ORDER BY version DESC
LIMIT %(limit)s;

-- name: find_version
-- Primary key.
SELECT content, saved_at FROM template_versions
WHERE account_id = %(account_id)s AND template_id = %(template_id)s AND version = %(version)s;

-- name: add_block
-- The new block's id. Index content_blocks_name refuses a taken name.
INSERT INTO content_blocks (account_id, name, category, format, source)
VALUES (%(account_id)s, %(name)s, %(category)s, %(format)s, %(source)s)
RETURNING block_id;

-- name: change_block
-- Primary key.
UPDATE content_blocks
SET name = %(name)s, category = %(category)s, format = %(format)s, source = %(source)s, updated_at = %(now)s
WHERE account_id = %(account_id)s AND block_id = %(block_id)s;

-- name: delete_block
-- Primary key.
DELETE FROM content_blocks WHERE account_id = %(account_id)s AND block_id = %(block_id)s;

-- name: find_block
-- Primary key.
SELECT block_id, name, category, format, source, created_at, updated_at FROM content_blocks
WHERE account_id = %(account_id)s AND block_id = %(block_id)s;

-- name: list_blocks
-- A page by ascending id, of one format or both, with these words in name or category: an account has hundreds. Primary key.
SELECT block_id, name, category, format, source, created_at, updated_at FROM content_blocks
WHERE account_id = %(account_id)s AND block_id > %(after)s AND (%(format)s::text IS NULL OR format = %(format)s)
  AND (%(words)s = '' OR strpos(lower(name), %(words)s) > 0 OR strpos(lower(category), %(words)s) > 0)
ORDER BY block_id
LIMIT %(limit)s;

-- name: add_preview
INSERT INTO content_previews (preview_hash, account_id, html, expires_at)
VALUES (%(preview_hash)s, %(account_id)s, %(html)s, %(expires_at)s);

-- name: trim_previews
-- All but the newest of an account. Index content_previews_account.
DELETE FROM content_previews
WHERE account_id = %(account_id)s AND preview_hash IN (
    SELECT preview_hash FROM content_previews WHERE account_id = %(account_id)s
    ORDER BY expires_at DESC OFFSET %(keep)s);

-- name: find_preview
-- Primary key.
SELECT html FROM content_previews WHERE preview_hash = %(preview_hash)s AND expires_at > %(now)s;

-- name: forget_previews
-- Index content_previews_expires.
DELETE FROM content_previews WHERE expires_at <= %(now)s;
