-- Groups: lists and segments under one range of numbers (migration 0010).

-- name: page
-- Rows of one page by number, each with how many there are. Indexes lists_name and segments_name: an account has few of them.
WITH found AS MATERIALIZED (
    SELECT list_id AS group_id, name, true AS is_list, list_id AS own_id FROM lists WHERE account_id = %(account_id)s
    UNION ALL
    SELECT coalesce(group_id, segment_id), name, false, segment_id FROM segments WHERE account_id = %(account_id)s AND NOT hidden
), fitting AS MATERIALIZED (SELECT * FROM found WHERE strpos(lower(name), lower(%(name)s)) > 0)
SELECT group_id, name, is_list, own_id, (SELECT count(*) FROM fitting) FROM fitting
ORDER BY group_id OFFSET %(offset)s LIMIT %(limit)s

-- name: count
SELECT (SELECT count(*) FROM lists WHERE account_id = %(account_id)s AND strpos(lower(name), lower(%(name)s)) > 0)
    + (SELECT count(*) FROM segments WHERE account_id = %(account_id)s AND NOT hidden AND strpos(lower(name), lower(%(name)s)) > 0)

-- name: by_number
-- Primary key of lists; index segments_name.
SELECT list_id AS group_id, name, true AS is_list, list_id AS own_id FROM lists
WHERE account_id = %(account_id)s AND list_id = ANY (%(group_ids)s::bigint[])
UNION ALL
SELECT coalesce(group_id, segment_id), name, false, segment_id FROM segments
WHERE account_id = %(account_id)s AND coalesce(group_id, segment_id) = ANY (%(group_ids)s::bigint[])
