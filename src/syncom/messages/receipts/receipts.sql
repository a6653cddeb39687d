-- Statements of delivery receipts. Rows are locked in the order of their key, so that writers never wait in a circle.

-- name: remember
-- The ids of messages that were taken; each id once in a batch. A peer that counts anew gives an id out again: then it is
-- the newer message's.
INSERT INTO peer_messages AS known (sender_id, peer_id, account_id, contact_id, message_id, campaign_id, content_id,
    channel, parts, sent_at)
SELECT sender_id, peer_id, account_id, contact_id, message_id, campaign_id, content_id, channel, parts, sent_at
FROM unnest(%(sender_ids)s::bigint[], %(peer_ids)s::text[], %(account_ids)s::bigint[], %(contact_ids)s::bigint[],
            %(message_ids)s::uuid[], %(campaign_ids)s::bigint[], %(content_ids)s::bigint[], %(channels)s::smallint[],
            %(parts)s::smallint[], %(sent_ats)s::timestamptz[])
     AS row (sender_id, peer_id, account_id, contact_id, message_id, campaign_id, content_id, channel, parts, sent_at)
ORDER BY sender_id, peer_id
ON CONFLICT (sender_id, peer_id) DO UPDATE SET account_id = excluded.account_id, contact_id = excluded.contact_id,
    message_id = excluded.message_id, campaign_id = excluded.campaign_id, content_id = excluded.content_id,
    channel = excluded.channel, parts = excluded.parts, sent_at = excluded.sent_at, state = 0
WHERE known.message_id <> excluded.message_id;

-- name: recognise
-- Messages of one part that their sender left in doubt, by our own id. Primary keys of peer_messages, senders and ledger.
INSERT INTO peer_messages (sender_id, peer_id, account_id, contact_id, message_id, campaign_id, content_id, channel, parts,
    sent_at)
SELECT a.sender_id, a.peer_id, l.account_id, l.contact_id, l.message_id, l.campaign_id, l.content_id, l.channel, 1,
    l.settled_at
FROM unnest(%(sender_ids)s::bigint[], %(peer_ids)s::text[], %(message_ids)s::uuid[]) AS a (sender_id, peer_id, message_id)
JOIN senders s ON s.sender_id = a.sender_id
JOIN ledger l ON l.account_id = s.account_id AND l.bucket = ('x' || right(a.message_id::text, 2))::bit(8)::integer::smallint
    AND l.message_id = a.message_id AND l.sender_id = a.sender_id AND l.state = 5 AND l.parts = 1
WHERE NOT EXISTS (SELECT FROM peer_messages p WHERE p.sender_id = a.sender_id AND p.peer_id = a.peer_id)
ON CONFLICT DO NOTHING;

-- name: lock
-- The parts that these ids name, and the other parts of their messages. Primary key; index peer_messages_parts.
WITH named AS (
    SELECT p.sender_id, p.peer_id, p.message_id, p.parts
    FROM unnest(%(sender_ids)s::bigint[], %(peer_ids)s::text[]) AS asked (sender_id, peer_id)
    JOIN peer_messages p USING (sender_id, peer_id)
), wanted AS (
    SELECT sender_id, peer_id FROM named
    UNION
    SELECT p.sender_id, p.peer_id
    FROM (SELECT DISTINCT sender_id, message_id FROM named WHERE parts > 1) AS long
    JOIN peer_messages p ON p.parts > 1 AND p.sender_id = long.sender_id AND p.message_id = long.message_id
)
SELECT p.sender_id, p.peer_id, p.account_id, p.contact_id, p.message_id, p.campaign_id, p.content_id, p.channel,
    p.parts, p.state, p.sent_at
FROM peer_messages p JOIN wanted USING (sender_id, peer_id)
ORDER BY p.sender_id, p.peer_id
FOR UPDATE OF p;

-- name: note
-- What was told of these parts.
UPDATE peer_messages p SET state = told.state
FROM unnest(%(sender_ids)s::bigint[], %(peer_ids)s::text[], %(states)s::smallint[]) AS told (sender_id, peer_id, state)
WHERE p.sender_id = told.sender_id AND p.peer_id = told.peer_id;

-- name: wait
-- Receipts of ids that are not known yet; the same one again changes nothing.
INSERT INTO waiting_receipts (sender_id, peer_id, state, reason, invalid_number, occurred_at, message_id)
SELECT sender_id, peer_id, state, reason, invalid_number, occurred_at, message_id
FROM unnest(%(sender_ids)s::bigint[], %(peer_ids)s::text[], %(states)s::smallint[], %(reasons)s::text[],
            %(invalid_numbers)s::boolean[], %(occurred_ats)s::timestamptz[], %(message_ids)s::uuid[])
     AS row (sender_id, peer_id, state, reason, invalid_number, occurred_at, message_id)
ORDER BY sender_id, peer_id, state
ON CONFLICT (sender_id, peer_id, state) DO NOTHING;

-- name: due
-- Takes away those of the waiting receipts that are due and whose id is known by now, oldest first; the others wait as
-- long again as they have waited. One row for each that was due; `known` false: it waits on. Index: waiting_receipts_due, primary keys.
WITH due AS MATERIALIZED (
    SELECT w.sender_id, w.peer_id, w.state, EXISTS (SELECT FROM peer_messages p
        WHERE p.sender_id = w.sender_id AND p.peer_id = w.peer_id) AS known
    FROM waiting_receipts w
    WHERE w.try_at <= now()
    ORDER BY w.try_at LIMIT %(limit)s
    FOR UPDATE OF w SKIP LOCKED
), later AS (
    UPDATE waiting_receipts w SET try_at = now() + interval '1 second' + (now() - w.received_at)
    FROM due WHERE NOT due.known AND w.sender_id = due.sender_id AND w.peer_id = due.peer_id AND w.state = due.state
    RETURNING w.*
), taken AS (
    DELETE FROM waiting_receipts w USING due
    WHERE due.known AND w.sender_id = due.sender_id AND w.peer_id = due.peer_id AND w.state = due.state
    RETURNING w.*
)
SELECT true AS known, sender_id, peer_id, state, reason, invalid_number, occurred_at, message_id FROM taken
UNION ALL
SELECT false, sender_id, peer_id, state, reason, invalid_number, occurred_at, message_id FROM later;

-- name: give_up
-- Receipts that nobody asked for, after a day. Index: waiting_receipts_age.
DELETE FROM waiting_receipts WHERE received_at < now() - %(life)s RETURNING sender_id;

-- name: forget
-- Some of the ids whose time is over. Index: peer_messages_age.
DELETE FROM peer_messages WHERE (sender_id, peer_id) IN (
    SELECT sender_id, peer_id FROM peer_messages WHERE sent_at < %(before)s ORDER BY sent_at LIMIT %(limit)s
);

-- name: count
-- Receipts of senders by day; those of a sender that is gone are not counted.
INSERT INTO receipt_counts AS known (account_id, sender_id, day, kind, count)
SELECT s.account_id, row.sender_id, (now() AT TIME ZONE 'UTC')::date, row.kind, row.count
FROM unnest(%(sender_ids)s::bigint[], %(kinds)s::text[], %(counts)s::bigint[]) AS row (sender_id, kind, count)
JOIN senders s ON s.sender_id = row.sender_id
ORDER BY s.account_id, row.sender_id, row.kind
ON CONFLICT (account_id, sender_id, day, kind) DO UPDATE SET count = known.count + excluded.count;

-- name: forget_counts
DELETE FROM receipt_counts WHERE day < %(before)s;

-- name: counts
-- Primary key.
SELECT kind, sum(count)::bigint FROM receipt_counts
WHERE account_id = %(account_id)s AND sender_id = %(sender_id)s AND day >= %(since)s
GROUP BY kind;

-- name: struck
-- Of messages whose end says that there is no such number, the address, and whether another message to it had the same end
-- before, by a receipt or when it was handed over. Primary key of the ledger; indexes activity_contact, ledger_contact.
SELECT l.account_id, l.channel, l.address, EXISTS (
    SELECT FROM activity a
    JOIN ledger past ON past.account_id = a.account_id AND past.bucket = a.bucket AND past.message_id = a.message_id
    WHERE a.account_id = l.account_id AND a.bucket = l.bucket AND a.contact_id = l.contact_id
        AND a.occurred_at > now() - %(within)s AND a.kind = 2 AND a.channel = l.channel
        AND a.message_id <> l.message_id AND a.detail LIKE %(words)s || '%%' AND past.address = l.address
) OR EXISTS (
    SELECT FROM ledger past
    WHERE past.account_id = l.account_id AND past.bucket = l.bucket AND past.contact_id = l.contact_id
        AND past.settled_at > now() - %(within)s AND past.state = 2 AND past.channel = l.channel
        AND past.message_id <> l.message_id AND past.address = l.address AND past.reason LIKE '%%' || %(words)s || '%%'
) AS again
FROM unnest(%(account_ids)s::bigint[], %(buckets)s::smallint[], %(message_ids)s::uuid[])
     AS row (account_id, bucket, message_id)
JOIN ledger l ON l.account_id = row.account_id AND l.bucket = row.bucket AND l.message_id = row.message_id;
