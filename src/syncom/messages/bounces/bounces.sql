-- Statements about reports of what became of messages.

-- name: sent
-- Mails that were handed over, or may have been. Primary key of the ledger; the bucket comes as a column of its own.
SELECT k.account_id, k.message_id, l.contact_id, l.campaign_id, l.content_id, l.address, l.settled_at, l.launched_at
FROM unnest(%(account_ids)s::bigint[], %(buckets)s::smallint[], %(message_ids)s::uuid[])
    AS k (account_id, bucket, message_id)
CROSS JOIN LATERAL (
    SELECT * FROM ledger
    WHERE account_id = k.account_id AND bucket = k.bucket AND message_id = k.message_id
        AND channel = %(channel)s AND state IN (1, 5)
    ORDER BY launched_at DESC LIMIT 1
) AS l;

-- name: last_sent
-- The last mail to an address before a moment, by its place (from 1). Two steps: primary key of identities, then index
-- ledger_contact.
SELECT k.n, l.message_id, l.contact_id, l.campaign_id, l.content_id, l.address, l.settled_at, l.launched_at
FROM unnest(%(account_ids)s::bigint[], %(addresses)s::text[], %(moments)s::timestamptz[])
    WITH ORDINALITY AS k (account_id, address, moment, n)
JOIN identities i ON i.account_id = k.account_id AND i.kind = 1 AND i.value = k.address
CROSS JOIN LATERAL (
    SELECT * FROM ledger
    WHERE account_id = k.account_id AND bucket = (i.contact_id & 255)::smallint AND contact_id = i.contact_id
        AND settled_at <= k.moment AND settled_at > k.moment - interval '30 days'
        AND channel = %(channel)s AND state IN (1, 5) AND address = k.address
    ORDER BY settled_at DESC LIMIT 1
) AS l;

-- name: insert
-- Reports that were not there before. In the order of the primary key, so that writers never wait in a circle.
INSERT INTO bounces (account_id, bucket, contact_id, report_id, kind, class, action, message_id, campaign_id, recipient,
    status, words, source, occurred_at)
SELECT * FROM unnest(%(account_ids)s::bigint[], %(buckets)s::smallint[], %(contact_ids)s::bigint[], %(report_ids)s::uuid[],
    %(kinds)s::smallint[], %(bounce_classs)s::text[], %(actions)s::text[], %(message_ids)s::uuid[],
    %(campaign_ids)s::bigint[], %(recipients)s::text[], %(statuss)s::text[], %(wordss)s::text[], %(sources)s::text[],
    %(occurred_ats)s::timestamptz[])
ON CONFLICT (account_id, bucket, report_id) DO NOTHING
RETURNING account_id, report_id;

-- name: note_actions
-- Primary key.
UPDATE bounces b SET action = %(action)s
FROM unnest(%(account_ids)s::bigint[], %(buckets)s::smallint[], %(report_ids)s::uuid[])
    AS k (account_id, bucket, report_id)
WHERE b.account_id = k.account_id AND b.bucket = k.bucket AND b.report_id = k.report_id;

-- name: add_strikes
-- One row a strike comes in, one an address and class goes out. The newest 32 are kept. The row's lock makes whoever comes
-- second see the first; in the order of the primary key, so that writers never wait in a circle.
INSERT INTO bounce_strikes AS known (account_id, address_hash, class, times)
SELECT account_id, address_hash, class, (array_agg(DISTINCT at ORDER BY at DESC))[1:32]
FROM unnest(%(account_ids)s::bigint[], %(address_hashes)s::bytea[], %(classes)s::text[], %(times)s::timestamptz[])
    AS strike (account_id, address_hash, class, at)
GROUP BY account_id, address_hash, class ORDER BY account_id, address_hash, class
ON CONFLICT (account_id, address_hash, class) DO UPDATE SET times = ARRAY(
    SELECT DISTINCT t FROM unnest(known.times || excluded.times) AS t ORDER BY t DESC LIMIT 32)
RETURNING account_id, address_hash, class, ARRAY(SELECT t FROM unnest(times) AS t ORDER BY t);

-- name: select
-- Newest first. Index: bounces_account.
SELECT report_id, kind, class AS bounce_class, action, nullif(contact_id, 0) AS contact_id, message_id, campaign_id,
    recipient, status, words, source, occurred_at, received_at
FROM bounces
WHERE account_id = %(account_id)s
    AND (%(before)s::timestamptz IS NULL OR (received_at, report_id) < (%(before)s, %(before_id)s::uuid))
    AND (%(kind)s::smallint IS NULL OR kind = %(kind)s)
    AND (%(matched)s::boolean IS NULL OR (contact_id <> 0) = %(matched)s)
ORDER BY received_at DESC, report_id DESC LIMIT %(limit)s;

-- name: select_of_recipient
-- Of one address. Index: bounces_recipient.
SELECT report_id, kind, class AS bounce_class, action, nullif(contact_id, 0) AS contact_id, message_id, campaign_id,
    recipient, status, words, source, occurred_at, received_at
FROM bounces
WHERE account_id = %(account_id)s AND recipient = %(recipient)s
    AND (%(before)s::timestamptz IS NULL OR (received_at, report_id) < (%(before)s, %(before_id)s::uuid))
    AND (%(kind)s::smallint IS NULL OR kind = %(kind)s)
    AND (%(matched)s::boolean IS NULL OR (contact_id <> 0) = %(matched)s)
ORDER BY received_at DESC, report_id DESC LIMIT %(limit)s;

-- name: counts
-- Index: bounces_account.
SELECT kind, class, contact_id <> 0, count(*) FROM bounces
WHERE account_id = %(account_id)s AND received_at >= %(since)s
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- name: commonest_refusal
-- Of the newest refusals of a campaign. Index: bounces_account, backwards; asked once, when the campaign pauses because of them.
SELECT source, split_part(recipient, '@', 2) AS domain, (array_agg(words ORDER BY received_at DESC))[1]
FROM (
    SELECT source, recipient, words, received_at FROM bounces
    WHERE account_id = %(account_id)s AND received_at >= %(since)s AND campaign_id = %(campaign_id)s AND kind = 7
        AND class = %(class)s
    ORDER BY received_at DESC LIMIT 200
) AS newest
GROUP BY source, domain ORDER BY count(*) DESC, source, domain LIMIT 1;

-- name: forget
-- Index: bounces_age.
DELETE FROM bounces WHERE received_at < %(before)s;

-- name: forget_unmatched
-- Reports that name nobody we sent to: when they are old, or there are too many. Primary key (bucket 0, contact 0).
DELETE FROM bounces b USING (
    SELECT account_id, report_id, received_at,
        row_number() OVER (PARTITION BY account_id ORDER BY received_at DESC) AS place
    FROM bounces WHERE bucket = 0 AND contact_id = 0
) AS k
WHERE b.account_id = k.account_id AND b.bucket = 0 AND b.report_id = k.report_id
    AND (k.place > %(most)s OR k.received_at < %(before)s);

-- name: forget_strikes
DELETE FROM bounce_strikes WHERE times[1] < %(before)s;

-- name: spool
-- Mails to our return paths, many at once.
INSERT INTO bounce_spool (recipient, raw)
SELECT * FROM unnest(%(recipients)s::text[], %(raws)s::bytea[]);

-- name: waiting
-- About how many mails wait: numbers are given in order and taken away in order. Index: bounce_spool_waiting.
SELECT coalesce(max(spool_id) - min(spool_id) + 1, 0)::bigint FROM bounce_spool WHERE refused IS NULL;

-- name: take
-- The oldest mails, taken away in the transaction that acts on them. Index: bounce_spool_waiting.
DELETE FROM bounce_spool WHERE spool_id = ANY (ARRAY(
    SELECT spool_id FROM bounce_spool
    WHERE refused IS NULL AND (%(spool_id)s::bigint IS NULL OR spool_id = %(spool_id)s)
    ORDER BY spool_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
RETURNING spool_id, recipient, raw, received_at;

-- name: oldest
SELECT spool_id FROM bounce_spool WHERE refused IS NULL ORDER BY spool_id LIMIT %(limit)s;

-- name: refuse
UPDATE bounce_spool SET refused = %(reason)s WHERE spool_id = %(spool_id)s;

-- name: forget_refused
DELETE FROM bounce_spool WHERE refused IS NOT NULL AND received_at < %(before)s;
