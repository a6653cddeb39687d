-- name: next_template_id
-- Known before the template is there, because its content names it.
SELECT nextval(pg_get_serial_sequence('templates', 'template_id'));

-- name: add_template
-- The new template. Primary key.
INSERT INTO templates (template_id, account_id, name, subject, preheader, format, source, text, content_id, tags,
                       language, sender_id, from_name, channel, members, dialect, categories)
VALUES (%(template_id)s, %(account_id)s, %(name)s, %(subject)s, %(preheader)s, %(format)s, %(source)s, %(text)s,
        %(content_id)s, %(tags)s, %(language)s, %(sender_id)s, %(from_name)s, %(channel)s, %(members)s, %(dialect)s,
        %(categories)s);

-- name: change_template
-- The same template in its next version. Primary key.
UPDATE templates
SET name = %(name)s, subject = %(subject)s, preheader = %(preheader)s, format = %(format)s, source = %(source)s,
    text = %(text)s, content_id = %(content_id)s, tags = %(tags)s, language = %(language)s,
    sender_id = %(sender_id)s, from_name = %(from_name)s, members = %(members)s, dialect = %(dialect)s,
    categories = %(categories)s,
    version = version + 1, updated_at = %(now)s
WHERE account_id = %(account_id)s AND template_id = %(template_id)s;

-- name: keep_version
-- Primary key of template_versions.
INSERT INTO template_versions (account_id, template_id, version, content, saved_at)
VALUES (%(account_id)s, %(template_id)s, %(version)s, %(content)s, %(saved_at)s)
ON CONFLICT (account_id, template_id, version) DO NOTHING;

-- name: forget_versions
-- Primary key of template_versions.
DELETE FROM template_versions
WHERE account_id = %(account_id)s AND template_id = %(template_id)s AND version < %(oldest)s;

-- name: find_template
-- One template. Primary key.
SELECT template_id, name, subject, preheader, format, source, text, content_id, version, created_at, updated_at,
       tags, language, sender_id, from_name, channel, members,
       ARRAY(SELECT l.language FROM template_languages l
             WHERE l.account_id = t.account_id AND l.template_id = t.template_id ORDER BY l.language),
       dialect, categories
FROM templates t
WHERE account_id = %(account_id)s AND template_id = %(template_id)s;

-- name: lock_template
-- The same, so that two edits come one after the other. Primary key.
SELECT template_id, name, subject, preheader, format, source, text, content_id, version, created_at, updated_at,
       tags, language, sender_id, from_name, channel, members,
       ARRAY(SELECT l.language FROM template_languages l
             WHERE l.account_id = t.account_id AND l.template_id = t.template_id ORDER BY l.language),
       dialect, categories
FROM templates t
WHERE account_id = %(account_id)s AND template_id = %(template_id)s
FOR UPDATE OF t;

-- name: list_templates
-- A page by ascending id. Index templates_account.
SELECT template_id, name, subject, format, version, created_at, updated_at, tags, language, channel
FROM templates
WHERE account_id = %(account_id)s AND template_id > %(after)s
ORDER BY template_id
LIMIT %(limit)s;

-- name: latest_templates
-- A page of those of a channel (0: of any) with these words in name, subject or a tag, what was changed last first. An account
-- has thousands at most. Index templates_account.
SELECT template_id, name, subject, format, version, created_at, updated_at, tags, language, channel
FROM templates t
WHERE account_id = %(account_id)s
  AND (%(channel)s = 0 OR channel = %(channel)s)
  AND (%(words)s = '' OR strpos(lower(name), %(words)s) > 0 OR strpos(lower(subject), %(words)s) > 0
       OR EXISTS (SELECT FROM unnest(t.tags) AS tag WHERE strpos(lower(tag), %(words)s) > 0))
  AND (%(before_at)s::timestamptz IS NULL OR (updated_at, template_id) < (%(before_at)s, %(before_id)s))
ORDER BY updated_at DESC, template_id DESC
LIMIT %(limit)s;

-- name: search_templates
-- Templates of a channel that have these words in their name or in one of their tags, by ascending id, with how many there
-- are in all: for callers that page by number. An account has thousands at most. Index templates_account.
SELECT template_id, count(*) OVER () AS total
FROM templates t
WHERE account_id = %(account_id)s AND channel = %(channel)s
  AND (%(words)s = '' OR strpos(lower(name), %(words)s) > 0
       OR EXISTS (SELECT FROM unnest(t.tags) AS tag WHERE strpos(lower(tag), %(words)s) > 0))
ORDER BY template_id
OFFSET %(skip)s LIMIT %(limit)s;

-- name: count_templates
-- How many there are, for a page behind the last one. Index templates_account.
SELECT count(*)
FROM templates t
WHERE account_id = %(account_id)s AND channel = %(channel)s
  AND (%(words)s = '' OR strpos(lower(name), %(words)s) > 0
       OR EXISTS (SELECT FROM unnest(t.tags) AS tag WHERE strpos(lower(tag), %(words)s) > 0));

-- name: find_templates
-- Several templates by id, in ascending order. Primary key.
SELECT template_id, name, subject, preheader, format, source, text, content_id, version, created_at, updated_at,
       tags, language, sender_id, from_name, channel, members,
       ARRAY(SELECT l.language FROM template_languages l
             WHERE l.account_id = t.account_id AND l.template_id = t.template_id ORDER BY l.language),
       dialect, categories
FROM templates t
WHERE account_id = %(account_id)s AND template_id = ANY(%(template_ids)s)
ORDER BY template_id;

-- name: naming_field
-- Templates whose present versions name a contact field. An account has thousands at most. Indexes: templates_account, primary
-- keys of template_languages and contents.
SELECT t.name FROM templates t
WHERE t.account_id = %(account_id)s AND EXISTS (
    SELECT FROM (
        SELECT t.content_id
        UNION ALL
        SELECT l.content_id FROM template_languages l
        WHERE l.account_id = t.account_id AND l.template_id = t.template_id
    ) AS k
    JOIN contents c ON c.content_id = k.content_id
    WHERE c.compiled -> 'fields' ? %(key)s)
ORDER BY t.template_id;

-- name: sendable
-- What a send needs of a template, its languages in one row. Primary keys.
SELECT t.template_id, t.channel, t.content_id, t.language, t.sender_id, t.from_name, t.dialect, t.categories,
       coalesce((SELECT jsonb_object_agg(l.language, l.content_id) FROM template_languages l
                 WHERE l.account_id = t.account_id AND l.template_id = t.template_id), '{}')
FROM templates t
WHERE t.account_id = %(account_id)s AND t.template_id = %(template_id)s;

-- name: language_versions
-- A template's versions in other languages. Primary key.
SELECT language, subject, preheader, source, text, content_id, updated_at, members
FROM template_languages
WHERE account_id = %(account_id)s AND template_id = %(template_id)s
ORDER BY language;

-- name: save_language
-- Primary key.
INSERT INTO template_languages (account_id, template_id, language, subject, preheader, source, text, content_id,
                                updated_at, members)
VALUES (%(account_id)s, %(template_id)s, %(language)s, %(subject)s, %(preheader)s, %(source)s, %(text)s,
        %(content_id)s, %(now)s, %(members)s)
ON CONFLICT (account_id, template_id, language) DO UPDATE
SET subject = excluded.subject, preheader = excluded.preheader, source = excluded.source, text = excluded.text,
    content_id = excluded.content_id, updated_at = excluded.updated_at, members = excluded.members;

-- name: delete_language
-- Primary key.
DELETE FROM template_languages
WHERE account_id = %(account_id)s AND template_id = %(template_id)s AND language = %(language)s;

-- name: delete_template
-- Its attachments stay for contents that name them (ON DELETE SET NULL). Primary key.
DELETE FROM templates
WHERE account_id = %(account_id)s AND template_id = %(template_id)s;

-- name: campaign_using
-- A campaign that still needs this template: its id and name. Index campaigns_account.
SELECT campaign_id, name
FROM campaigns
WHERE account_id = %(account_id)s AND template_id = %(template_id)s
  AND state NOT IN ('finished', 'cancelled', 'failed')
ORDER BY campaign_id
LIMIT 1;

-- name: add_content
-- A compiled form, immutable from here on.
INSERT INTO contents (account_id, compiled, links, is_viewable, attachment_ids, template_id, name, tags, language,
                      channel)
VALUES (%(account_id)s, %(compiled)s, %(links)s, %(is_viewable)s, %(attachment_ids)s, %(template_id)s, %(name)s,
        %(tags)s, %(language)s, %(channel)s)
RETURNING content_id;

-- name: mark_used
-- Contents that a message was made from: kept for the links of what was sent. Written once a day at most. Returns how
-- many there are: whoever was marked within a day is not collected, and an update waits for a collection under way.
-- Primary key.
WITH marked AS (
    UPDATE contents SET used_at = now()
    WHERE content_id = ANY(%(content_ids)s) AND account_id = %(account_id)s
      AND (used_at IS NULL OR used_at < now() - interval '1 day')
    RETURNING 1
)
SELECT (SELECT count(*) FROM marked) + (
    SELECT count(*) FROM contents
    WHERE content_id = ANY(%(content_ids)s) AND account_id = %(account_id)s AND used_at >= now() - interval '1 day');

-- name: collect_contents
-- Contents that nothing was sent from for a day, and those whose links had their time; but never a template's present
-- version or what a campaign froze. Whoever is just marking one as used is not waited for, and keeps it.
-- Indexes: contents_age, templates_content, template_languages_content, campaigns_content, campaigns_languages.
DELETE FROM contents
WHERE content_id IN (
    SELECT c.content_id FROM contents c
    WHERE coalesce(c.used_at, c.created_at) < %(now)s - interval '1 day'
      AND (c.used_at IS NULL OR c.used_at < %(now)s - make_interval(days => %(link_days)s))
      AND NOT EXISTS (SELECT FROM templates t WHERE t.content_id = c.content_id)
      AND NOT EXISTS (SELECT FROM template_languages l WHERE l.content_id = c.content_id)
      AND NOT EXISTS (SELECT FROM campaigns g WHERE g.content_id = c.content_id)
      AND NOT EXISTS (SELECT FROM campaigns g
                      WHERE g.account_id = c.account_id AND g.content_languages <> '{}'
                        AND jsonb_path_exists(g.content_languages, '$.* ? (@ == $id)',
                                              jsonb_build_object('id', c.content_id)))
    LIMIT %(limit)s
    FOR UPDATE OF c SKIP LOCKED
);

-- name: collect_attachments
-- Files that no template has any more and no content names. Indexes: template_attachments_loose, contents_attachments.
DELETE FROM template_attachments a
WHERE a.template_id IS NULL
  AND NOT EXISTS (SELECT FROM contents c
                  WHERE c.attachment_ids @> ARRAY[a.attachment_id] AND c.attachment_ids <> '{}');

-- name: find_digest
-- The content that was made of the same for an earlier send. Unique index contents_digest.
SELECT content_id
FROM contents
WHERE account_id = %(account_id)s AND digest = %(digest)s;

-- name: add_digest
-- A content made for one send, unless another process has just made the same. Unique index contents_digest.
INSERT INTO contents (account_id, compiled, links, is_viewable, attachment_ids, name, tags, language, channel, digest)
VALUES (%(account_id)s, %(compiled)s, %(links)s, %(is_viewable)s, %(attachment_ids)s, %(name)s, %(tags)s,
        %(language)s, %(channel)s, %(digest)s)
ON CONFLICT (account_id, digest) WHERE digest IS NOT NULL DO NOTHING;

-- name: find_content
-- The compiled form and its static link targets. Primary key.
SELECT compiled::text, links
FROM contents
WHERE account_id = %(account_id)s AND content_id = %(content_id)s;

-- name: attachments_of
-- The attachments of templates in the order they were added. Index template_attachments_template.
SELECT template_id, attachment_id, file_name, content_type, octet_length(content)
FROM template_attachments
WHERE account_id = %(account_id)s AND template_id = ANY(%(template_ids)s)
ORDER BY attachment_id;

-- name: attached_files
-- The bytes of attachments by id. Primary key.
SELECT attachment_id, file_name, content_type, content
FROM template_attachments
WHERE account_id = %(account_id)s AND attachment_id = ANY(%(attachment_ids)s);

-- name: add_attachment
INSERT INTO template_attachments (account_id, template_id, file_name, content_type, content)
VALUES (%(account_id)s, %(template_id)s, %(file_name)s, %(content_type)s, %(content)s)
RETURNING attachment_id;

-- name: copy_attachments
-- The copy has rows of its own.
INSERT INTO template_attachments (account_id, template_id, file_name, content_type, content)
SELECT account_id, %(copy_id)s, file_name, content_type, content
FROM template_attachments
WHERE account_id = %(account_id)s AND template_id = %(template_id)s
ORDER BY attachment_id;

-- name: detach
-- The row stays for contents that name it. Primary key.
UPDATE template_attachments
SET template_id = NULL
WHERE account_id = %(account_id)s AND template_id = %(template_id)s AND attachment_id = %(attachment_id)s;

-- name: velocity_rules
-- Which versions of Velocity the account follows: truth, lines. Primary key.
SELECT velocity_truth, velocity_lines
FROM accounts
WHERE account_id = %(account_id)s;

-- name: custom_field_keys
-- Merge-field names of the account's custom fields. Unique index (account_id, key).
SELECT key
FROM custom_fields
WHERE account_id = %(account_id)s
ORDER BY key;

-- name: has_sender
-- Whether this is a sender of the account. Primary key.
SELECT FROM senders WHERE account_id = %(account_id)s AND sender_id = %(sender_id)s;
