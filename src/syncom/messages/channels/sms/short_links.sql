-- name: keep
-- Rows are in the order of their codes, so that writers never wait for each other in a circle. Primary key.
INSERT INTO short_links (code, account_id, contact_id, content_id, message_id, channel, targets)
SELECT code, account_id, contact_id, content_id, message_id, channel, targets::jsonb
FROM unnest(%(codes)s::text[], %(account_ids)s::bigint[], %(contact_ids)s::bigint[], %(content_ids)s::bigint[],
            %(message_ids)s::uuid[], %(channels)s::smallint[], %(targets)s::text[])
     AS row (code, account_id, contact_id, content_id, message_id, channel, targets)
ON CONFLICT (code) DO NOTHING;

-- name: find
-- Primary key.
SELECT account_id, contact_id, content_id, message_id, channel, targets FROM short_links WHERE code = %(code)s;
