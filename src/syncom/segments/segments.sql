-- name: insert
-- One row: the new segment. Index: segments_name refuses a taken name.
INSERT INTO segments (account_id, name, condition)
VALUES (%(account_id)s, %(name)s, %(condition)s)
RETURNING segment_id, name, condition, created_at, updated_at;

-- name: update
UPDATE segments SET name = %(name)s, condition = %(condition)s, updated_at = now()
WHERE account_id = %(account_id)s AND segment_id = %(segment_id)s
RETURNING segment_id, name, condition, created_at, updated_at;

-- name: select
-- All segments of an account but hidden ones, or those named by ids when given.
SELECT segment_id, name, condition, created_at, updated_at FROM segments
WHERE account_id = %(account_id)s AND CASE WHEN %(ids)s::bigint[] IS NULL THEN NOT hidden ELSE segment_id = ANY(%(ids)s) END
ORDER BY segment_id;

-- name: hide
-- A segment that only its keeper knows; its id. Index: segments_name.
INSERT INTO segments AS s (account_id, name, condition, hidden) VALUES (%(account_id)s, %(name)s, %(condition)s, true)
ON CONFLICT (account_id, lower(name)) DO UPDATE SET condition = excluded.condition, updated_at = now()
WHERE s.hidden AND s.condition <> excluded.condition;

-- name: hidden
SELECT segment_id FROM segments WHERE account_id = %(account_id)s AND name = %(name)s AND hidden;

-- name: unhide
DELETE FROM segments WHERE account_id = %(account_id)s AND segment_id = ANY (%(ids)s::bigint[]) AND hidden;

-- name: delete
DELETE FROM segments WHERE account_id = %(account_id)s AND segment_id = %(segment_id)s;

-- name: vocabulary
-- Ids by key of what conditions name so. Indexes: subscription_categories_key, event_types' unique key.
SELECT 'category', lower(key), category_id FROM subscription_categories WHERE account_id = %(account_id)s
UNION ALL
SELECT 'event', key, event_type_id FROM event_types WHERE account_id = %(account_id)s;

-- name: names
-- What fields, categories, and chosen lists, segments and campaigns are called. Primary keys; all are small tables.
SELECT 'fields' AS kind, NULL::bigint AS id, key, name FROM custom_fields WHERE account_id = %(account_id)s
UNION ALL
SELECT 'categories', NULL, lower(key), name FROM subscription_categories WHERE account_id = %(account_id)s
UNION ALL
SELECT 'lists', list_id, NULL, name FROM lists WHERE account_id = %(account_id)s AND list_id = ANY (%(lists)s::bigint[])
UNION ALL
SELECT 'segments', segment_id, NULL, name FROM segments
WHERE account_id = %(account_id)s AND segment_id = ANY (%(segments)s::bigint[])
UNION ALL
SELECT 'campaigns', campaign_id, NULL, name FROM campaigns
WHERE account_id = %(account_id)s AND campaign_id = ANY (%(campaigns)s::bigint[]);

-- name: missing_lists
-- Those of these numbers that are no list of the account. Primary key of lists.
SELECT k.list_id FROM unnest(%(lists)s::bigint[]) AS k (list_id)
WHERE NOT EXISTS (SELECT FROM lists l WHERE l.account_id = %(account_id)s AND l.list_id = k.list_id)
ORDER BY k.list_id
