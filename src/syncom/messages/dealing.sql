-- Statements that deal what is sent through a group among its members. Index of all queues: campaign_chunks_group,
-- messages_group.

-- name: members
-- Those who belong to a group now, the same order for everybody.
SELECT sender_id, weight, priority, is_able FROM group_members
WHERE group_id = %(group_id)s AND is_present ORDER BY sender_id;

-- name: new_chunks
-- Chunks of a campaign that lie with nobody yet, of these groups.
SELECT k.group_id, k.chunk_no, k.size
FROM unnest(%(group_ids)s::bigint[]) AS g (group_id)
JOIN campaign_chunks k ON k.group_id = g.group_id AND k.sender_id = g.group_id AND k.group_id <> 0 AND k.worker_id IS NULL
WHERE k.campaign_id = %(campaign_id)s ORDER BY k.chunk_no;

-- name: dealt
SELECT dealt -> %(group_id)s::text FROM campaigns WHERE campaign_id = %(campaign_id)s;

-- name: save_dealt
UPDATE campaigns SET dealt = dealt || jsonb_build_object(%(group_id)s::text, %(dealt)s::jsonb)
WHERE campaign_id = %(campaign_id)s;

-- name: strayed
-- Members that cannot send and have something to send; and groups whose rows lie with no member yet.
SELECT g.group_id, g.sender_id
FROM (SELECT group_id, sender_id FROM group_members WHERE NOT is_able
      UNION ALL SELECT sender_id, sender_id FROM senders WHERE kind = 'group') AS g
WHERE EXISTS (SELECT FROM campaign_chunks k
              WHERE k.group_id = g.group_id AND k.sender_id = g.sender_id AND k.group_id <> 0 AND k.worker_id IS NULL)
   OR EXISTS (SELECT FROM messages m
              WHERE m.group_id = g.group_id AND m.sender_id = g.sender_id AND m.group_id <> 0 AND m.worker_id IS NULL)
ORDER BY 1, 2;

-- name: chunks_of
SELECT campaign_id, chunk_no, size - settled FROM campaign_chunks
WHERE group_id = %(group_id)s AND sender_id = %(sender_id)s AND group_id <> 0 AND worker_id IS NULL
ORDER BY campaign_id, chunk_no LIMIT %(limit)s FOR UPDATE SKIP LOCKED;

-- name: move_chunks
UPDATE campaign_chunks k SET sender_id = dealt.sender_id
FROM unnest(%(campaign_ids)s::bigint[], %(chunk_nos)s::int[], %(sender_ids)s::bigint[])
     AS dealt (campaign_id, chunk_no, sender_id)
WHERE k.campaign_id = dealt.campaign_id AND k.chunk_no = dealt.chunk_no;

-- name: messages_of
SELECT message_id FROM messages
WHERE group_id = %(group_id)s AND sender_id = %(sender_id)s AND group_id <> 0 AND worker_id IS NULL
ORDER BY message_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED;

-- name: move_messages
UPDATE messages m SET sender_id = dealt.sender_id
FROM unnest(%(message_ids)s::uuid[], %(sender_ids)s::bigint[]) AS dealt (message_id, sender_id)
WHERE m.message_id = dealt.message_id;

-- name: stuck
SELECT DISTINCT m.sender_id FROM group_members m
WHERE m.sender_id = ANY (%(sender_ids)s::bigint[]) AND NOT m.is_able
  AND EXISTS (SELECT FROM group_members o WHERE o.group_id = m.group_id AND o.is_able);

-- name: forget_members
-- Those that left their group and have nothing of it any more, in nobody's hands either.
DELETE FROM sender_group_members m
WHERE (m.is_leaving OR NOT EXISTS (SELECT FROM senders s WHERE s.sender_id = m.sender_id))
  AND NOT EXISTS (SELECT FROM campaign_chunks k WHERE k.sender_id = m.sender_id AND k.group_id = m.group_id)
  AND NOT EXISTS (SELECT FROM messages k WHERE k.sender_id = m.sender_id AND k.group_id = m.group_id);

-- name: needs
-- A group that would have no member without this one.
SELECT g.name FROM group_members m JOIN senders g ON g.sender_id = m.group_id
WHERE m.account_id = %(account_id)s AND m.sender_id = %(sender_id)s AND m.is_present
  AND NOT EXISTS (SELECT FROM group_members o
                  WHERE o.group_id = m.group_id AND o.sender_id <> m.sender_id AND o.is_present) LIMIT 1;
