-- Statements of sender groups.

-- name: save_members
-- Those who are not named any more leave; they stay in sight until others have what lies with them.
WITH given AS (
    SELECT * FROM unnest(%(sender_ids)s::bigint[], %(weights)s::int[], %(priorities)s::smallint[])
         AS row (sender_id, weight, priority)
), gone AS (
    UPDATE sender_group_members m SET is_leaving = true
    WHERE m.group_id = %(group_id)s AND m.sender_id NOT IN (SELECT sender_id FROM given)
)
INSERT INTO sender_group_members AS m (group_id, sender_id, account_id, weight, priority)
SELECT %(group_id)s, sender_id, %(account_id)s, weight, priority FROM given
ON CONFLICT (group_id, sender_id) DO UPDATE
SET weight = excluded.weight, priority = excluded.priority, is_leaving = false;

-- name: members_of
-- Of one group, or of all of an account's.
SELECT m.group_id, m.sender_id, s.name, m.weight, m.priority, m.is_able, s.problem
FROM group_members m JOIN senders s ON s.sender_id = m.sender_id
WHERE m.account_id = %(account_id)s AND (%(group_id)s::bigint IS NULL OR m.group_id = %(group_id)s) AND m.is_present
ORDER BY m.group_id, m.priority, m.sender_id;
