-- Statements of the queue and the ledger. Work is claimed by a lease, never by a row lock held while mail is sent.

-- name: register_worker
INSERT INTO workers (worker_id, host, pid, role) VALUES (%(worker_id)s, %(host)s, %(pid)s, %(role)s);

-- name: heartbeat
UPDATE workers SET heartbeat_at = now() WHERE worker_id = %(worker_id)s;

-- name: release_worker
-- Gives back every lease of a process that is gone, and forgets it.
WITH gone AS (DELETE FROM workers WHERE worker_id = %(worker_id)s),
     chunks AS (UPDATE campaign_chunks SET worker_id = NULL WHERE worker_id = %(worker_id)s)
UPDATE messages SET worker_id = NULL WHERE worker_id = %(worker_id)s;

-- name: senders
-- Senders with something to send, and those that are listened to, with what a sending process needs to know. Senders that
-- are one process's are the listening one's, with everything they have to send. Index: campaign_chunks_ready, messages_due.
SELECT s.sender_id, s.account_id, s.name, s.kind, s.channel, s.from_email, s.from_name, s.reply_to, s.config, s.is_default,
       s.paused_until, s.problem, s.secret, has.work AS has_work
FROM senders s
CROSS JOIN LATERAL (SELECT coalesce((s.config->'smpp'->>'one_process')::boolean, false) AS process) AS one
CROSS JOIN LATERAL (
    SELECT ((%(chunks)s OR one.process) AND EXISTS (SELECT FROM campaign_chunks k WHERE k.sender_id = s.sender_id
                                                    AND (k.due_at IS NULL OR k.due_at <= now())))
        OR EXISTS (SELECT FROM messages m WHERE m.sender_id = s.sender_id AND (m.lane = ANY(%(lanes)s) OR one.process)
                   AND m.due_at <= now()) AS work
) AS has
WHERE s.kind <> 'group' AND (%(listening)s OR NOT one.process) AND (has.work OR (%(listening)s AND s.kind = 'smpp'));

-- name: lease_chunks
-- Up to `count` chunks of one sender whose campaign is sending, those that waited for their time first; of one
-- that is stuck, none that others may send.
-- Indexes: campaign_chunks_timed, campaign_chunks_ready.
WITH timed AS (
    SELECT k.campaign_id, k.chunk_no FROM campaign_chunks k
    JOIN campaigns c ON c.campaign_id = k.campaign_id AND c.state IN ('expanding', 'sending')
    WHERE k.sender_id = %(sender_id)s AND k.worker_id IS NULL AND k.due_at <= now()
      AND (k.group_id = 0 OR NOT %(is_stuck)s)
    ORDER BY k.due_at, k.campaign_id, k.chunk_no LIMIT %(count)s
    FOR UPDATE OF k SKIP LOCKED
),
ready AS (
    SELECT k.campaign_id, k.chunk_no FROM campaign_chunks k
    JOIN campaigns c ON c.campaign_id = k.campaign_id AND c.state IN ('expanding', 'sending')
    WHERE k.sender_id = %(sender_id)s AND k.worker_id IS NULL AND k.due_at IS NULL
      AND (k.group_id = 0 OR NOT %(is_stuck)s)
    ORDER BY k.campaign_id, k.chunk_no LIMIT greatest(0, %(count)s - (SELECT count(*) FROM timed))
    FOR UPDATE OF k SKIP LOCKED
),
picked AS (SELECT * FROM timed UNION ALL SELECT * FROM ready)
UPDATE campaign_chunks k
SET worker_id = %(worker_id)s, fence = k.fence + 1
FROM picked, campaigns c
WHERE k.campaign_id = picked.campaign_id AND k.chunk_no = picked.chunk_no AND c.campaign_id = k.campaign_id
RETURNING k.campaign_id, k.chunk_no, k.account_id, k.fence, k.contact_ids, k.size, c.content_id,
          c.content_languages, c.launched_at, c.channel, k.group_id, k.channel AS chosen, c.alternatives,
          ARRAY(SELECT jsonb_array_elements_text(c.audience -> 'categories')) AS categories,
          now() AS leased_at;

-- name: unsettled
-- Of these recipients of a campaign, those without a ledger row and without a row in the retry lane.
SELECT ids.contact_id
FROM unnest(%(contact_ids)s::bigint[], %(message_ids)s::uuid[]) AS ids (contact_id, message_id)
WHERE NOT EXISTS (SELECT FROM ledger l WHERE l.account_id = %(account_id)s
                  AND l.bucket = (ids.contact_id & 255)::smallint AND l.message_id = ids.message_id
                  AND l.launched_at = %(launched_at)s)
  AND NOT EXISTS (SELECT FROM messages m WHERE m.message_id = ids.message_id);

-- name: release_chunk
-- Gives a chunk back; what was settled stays settled.
UPDATE campaign_chunks SET worker_id = NULL
WHERE campaign_id = %(campaign_id)s AND chunk_no = %(chunk_no)s AND worker_id = %(worker_id)s AND fence = %(fence)s;

-- name: recipients
-- What rendering needs of these contacts, read just before they are sent: consent and suppression of the channel (1 email,
-- 2 sms, 3 web push with the browsers that may be written to) as of now. Index: primary keys of contacts, suppressions and
-- contact_channels.
SELECT c.contact_id,
       CASE WHEN %(channel)s = 3 THEN ARRAY(
           SELECT h.endpoint FROM push_subscriptions h
           WHERE h.account_id = c.account_id AND h.bucket = c.bucket AND h.contact_id = c.contact_id
             AND NOT EXISTS (SELECT FROM suppressions x WHERE x.account_id = h.account_id AND x.channel = 3
                             AND x.address = h.endpoint AND (x.expires_at IS NULL OR x.expires_at > now()))
           ORDER BY h.created_at, h.endpoint) END AS endpoints,
       c.email, c.phone, c.external_id, c.contact_key, c.first_name, c.last_name, c.country, c.region,
       c.city, c.address, c.postcode, c.language, c.time_zone, c.fields,
       CASE %(channel)s WHEN 1 THEN c.email_state WHEN 3 THEN c.push_state ELSE c.sms_state END AS state,
       s.reason AS suppressed
FROM unnest(%(contact_ids)s::bigint[]) AS ids (contact_id)
JOIN contacts c ON c.account_id = %(account_id)s AND c.bucket = (ids.contact_id & 255)::smallint
               AND c.contact_id = ids.contact_id
LEFT JOIN suppressions s ON s.account_id = %(account_id)s AND s.channel = %(channel)s::smallint
                        AND s.address = CASE %(channel)s WHEN 1 THEN c.email WHEN 2 THEN c.phone END
                        AND (s.expires_at IS NULL OR s.expires_at > now());

-- name: lease_messages
-- Due rows of the single-message lanes of one sender, the most urgent lane first, each with what rendering needs of its
-- contact as of now (see `recipients`): one statement, since somebody waits for these. Index: messages_due.
WITH picked AS (
    SELECT m.message_id FROM messages m
    LEFT JOIN campaigns c ON m.campaign_id <> 0 AND c.campaign_id = m.campaign_id
    WHERE m.lane = ANY(%(lanes)s) AND m.due_at <= now() AND m.worker_id IS NULL AND m.sender_id = %(sender_id)s
      AND (m.group_id = 0 OR NOT %(is_stuck)s)
      AND (m.campaign_id = 0 OR c.state IN ('expanding', 'sending'))
    ORDER BY m.lane, m.due_at LIMIT %(count)s
    FOR UPDATE OF m SKIP LOCKED
),
leased AS (
    UPDATE messages m SET worker_id = %(worker_id)s FROM picked WHERE m.message_id = picked.message_id
    RETURNING m.*
)
SELECT l.message_id, l.account_id, l.contact_id, l.campaign_id, l.lane, l.content_id, l.params, l.address, l.uncertain,
       l.attempt, l.created_at, l.deadline, l.external_request_id, l.from_name, l.channel, l.group_id, g.launched_at, g.alternatives,
       CASE WHEN l.campaign_id = 0 THEN l.categories ELSE ARRAY(SELECT jsonb_array_elements_text(g.audience -> 'categories')) END
           AS categories,
       c.contact_id IS NOT NULL AS present,
       CASE WHEN l.channel = 3 AND l.campaign_id <> 0 THEN ARRAY(
           SELECT h.endpoint FROM push_subscriptions h
           WHERE h.account_id = c.account_id AND h.bucket = c.bucket AND h.contact_id = c.contact_id
             AND NOT EXISTS (SELECT FROM suppressions x WHERE x.account_id = h.account_id AND x.channel = 3
                             AND x.address = h.endpoint AND (x.expires_at IS NULL OR x.expires_at > now()))
           ORDER BY h.created_at, h.endpoint) END AS endpoints,
       c.email, c.phone, c.external_id, c.contact_key, c.first_name, c.last_name, c.country, c.region, c.city,
       c.address, c.postcode, c.language, c.time_zone, c.fields,
       CASE l.channel WHEN 1 THEN c.email_state WHEN 3 THEN c.push_state ELSE c.sms_state END AS state, s.reason AS suppressed
FROM leased l
LEFT JOIN campaigns g ON l.campaign_id <> 0 AND g.campaign_id = l.campaign_id
LEFT JOIN contacts c ON c.account_id = l.account_id AND c.bucket = (l.contact_id & 255)::smallint
                    AND c.contact_id = l.contact_id
LEFT JOIN suppressions s ON s.account_id = l.account_id AND s.address = l.address
                        AND s.channel = CASE l.channel WHEN 5 THEN 2 ELSE l.channel END
                        AND (s.expires_at IS NULL OR s.expires_at > now())
                        -- Who left a mailing, or called one spam, still gets what was asked for: lane 0 is transactional.
                        AND NOT (s.reason IN ('unsubscribed', 'paused', 'complaint') AND l.lane = 0)
ORDER BY l.lane, l.due_at;

-- name: release_message
UPDATE messages SET worker_id = NULL
WHERE message_id = %(message_id)s AND worker_id = %(worker_id)s;

-- name: settle_chunks
-- Counts settled recipients of chunks; returns those that are still this process's. A lost lease returns no row.
UPDATE campaign_chunks k SET settled = k.settled + done.count
FROM unnest(%(campaign_ids)s::bigint[], %(chunk_nos)s::int[], %(fences)s::int[], %(counts)s::int[])
     AS done (campaign_id, chunk_no, fence, count)
WHERE k.campaign_id = done.campaign_id AND k.chunk_no = done.chunk_no AND k.fence = done.fence
  AND k.worker_id = %(worker_id)s
RETURNING k.campaign_id, k.chunk_no, k.settled >= k.size AS complete;

-- name: delete_chunks
DELETE FROM campaign_chunks k
USING unnest(%(campaign_ids)s::bigint[], %(chunk_nos)s::int[]) AS done (campaign_id, chunk_no)
WHERE k.campaign_id = done.campaign_id AND k.chunk_no = done.chunk_no;

-- name: delete_messages
-- Settled rows of the single-message lanes.
DELETE FROM messages m USING unnest(%(message_ids)s::uuid[]) AS done (message_id)
WHERE m.message_id = done.message_id;

-- name: postpone_messages
-- Rows to be tried again later.
UPDATE messages m
SET due_at = later.due_at, deadline = later.deadline, attempt = later.attempt, uncertain = m.uncertain OR later.uncertain,
    last_reply = later.reply, worker_id = NULL
FROM unnest(%(message_ids)s::uuid[], %(due_ats)s::timestamptz[], %(deadlines)s::timestamptz[], %(attempts)s::smallint[],
            %(uncertains)s::boolean[], %(replies)s::text[])
     AS later (message_id, due_at, deadline, attempt, uncertain, reply)
WHERE m.message_id = later.message_id;

-- name: redirect_messages
-- Rows that go over another channel from now on.
UPDATE messages m
SET channel = to_.channel, sender_id = to_.sender_id, group_id = to_.group_id, content_id = to_.content_id,
    address = to_.address, last_reply = to_.reply, due_at = to_.due_at, worker_id = NULL
FROM unnest(%(message_ids)s::uuid[], %(channels)s::smallint[], %(sender_ids)s::bigint[], %(group_ids)s::bigint[],
            %(content_ids)s::bigint[], %(addresses)s::text[], %(replies)s::text[], %(due_ats)s::timestamptz[])
     AS to_ (message_id, channel, sender_id, group_id, content_id, address, reply, due_at)
WHERE m.message_id = to_.message_id;

-- name: insert_retries
-- A campaign's recipients move from their chunk to the retry lane.
INSERT INTO messages (message_id, account_id, contact_id, channel, campaign_id, lane, sender_id, group_id, content_id,
                      address, uncertain, attempt, last_reply, due_at, deadline)
SELECT message_id, account_id, contact_id, channel, campaign_id, 2, sender_id, group_id, content_id, address, uncertain,
       attempt, reply, due_at, deadline
FROM unnest(%(message_ids)s::uuid[], %(account_ids)s::bigint[], %(contact_ids)s::bigint[], %(channels)s::smallint[],
            %(campaign_ids)s::bigint[], %(sender_ids)s::bigint[], %(group_ids)s::bigint[], %(content_ids)s::bigint[],
            %(addresses)s::text[], %(uncertains)s::boolean[], %(attempts)s::smallint[], %(replies)s::text[],
            %(due_ats)s::timestamptz[], %(deadlines)s::timestamptz[])
     AS retry (message_id, account_id, contact_id, channel, campaign_id, sender_id, group_id, content_id, address,
               uncertain, attempt, reply, due_at, deadline)
ON CONFLICT (message_id) DO NOTHING;

-- name: copy_ledger
COPY ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel, state, uncertain, attempts,
             launched_at, settled_at, address, reason, content_id, external_request_id, parts, categories) FROM STDIN;

-- name: merge_ledger
-- The slow way in, for rows that another process may have written already: the first state stays, doubt is added.
INSERT INTO ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel, state, uncertain,
                    attempts, launched_at, settled_at, address, reason, content_id, external_request_id, parts, categories)
SELECT account_id, (contact_id & 255)::smallint, message_id, contact_id, campaign_id, sender_id, channel, state, uncertain,
       attempts, launched_at, now(), address, reason, content_id, external_request_id, parts,
       string_to_array(nullif(categories, ''), E'\x1f')
FROM unnest(%(account_ids)s::bigint[], %(message_ids)s::uuid[], %(contact_ids)s::bigint[], %(campaign_ids)s::bigint[],
            %(sender_ids)s::bigint[], %(channels)s::smallint[], %(states)s::smallint[], %(uncertains)s::boolean[], %(attempts)s::smallint[],
            %(launched_ats)s::timestamptz[], %(addresses)s::text[], %(reasons)s::text[], %(content_ids)s::bigint[],
            %(external_request_ids)s::text[], %(parts)s::smallint[], %(categories)s::text[])
     AS row (account_id, message_id, contact_id, campaign_id, sender_id, channel, state, uncertain, attempts, launched_at,
             address, reason, content_id, external_request_id, parts, categories)
ON CONFLICT (account_id, bucket, message_id, launched_at) DO UPDATE SET uncertain = true
RETURNING message_id, settled_at, settled_at = now() AS inserted;

-- name: add_doubt
UPDATE ledger l SET uncertain = true
FROM unnest(%(account_ids)s::bigint[], %(message_ids)s::uuid[], %(contact_ids)s::bigint[],
            %(launched_ats)s::timestamptz[]) AS row (account_id, message_id, contact_id, launched_at)
WHERE l.account_id = row.account_id AND l.bucket = (row.contact_id & 255)::smallint
  AND l.message_id = row.message_id AND l.launched_at = row.launched_at
RETURNING l.message_id;

-- name: count_contacts
-- Contact statistics of messages sent in the last moment, one row a contact. Ordered, so that writers never deadlock.
INSERT INTO contact_statistics AS s (account_id, bucket, contact_id, sent, last_sent_at)
SELECT account_id, (contact_id & 255)::smallint, contact_id, count(*), max(sent_at)
FROM unnest(%(account_ids)s::bigint[], %(contact_ids)s::bigint[], %(sent_ats)s::timestamptz[])
     AS row (account_id, contact_id, sent_at)
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
ON CONFLICT (account_id, bucket, contact_id) DO UPDATE
SET sent = s.sent + excluded.sent, last_sent_at = greatest(s.last_sent_at, excluded.last_sent_at);

-- name: count_campaigns
-- Campaign counters by hour; `shard` is the writer's own.
INSERT INTO campaign_statistics AS s (account_id, campaign_id, hour, kind, shard, count)
SELECT account_id, campaign_id, hour, kind, %(shard)s, sum(count)
FROM unnest(%(account_ids)s::bigint[], %(campaign_ids)s::bigint[], %(hours)s::timestamptz[], %(kinds)s::text[],
            %(counts)s::bigint[]) AS row (account_id, campaign_id, hour, kind, count)
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
ON CONFLICT (account_id, campaign_id, hour, kind, shard) DO UPDATE SET count = s.count + excluded.count;

-- name: take_permits
-- Permits of a sender's shared token bucket: as many as wanted and there, leaving `reserve` for more urgent mail.
WITH bucket AS (
    SELECT sender_id,
           least(%(burst)s, rate_tokens + %(rate)s * extract(epoch FROM clock_timestamp() - rate_at)) AS tokens
    FROM senders WHERE sender_id = %(sender_id)s FOR UPDATE
), taken AS (
    SELECT sender_id, tokens, greatest(0, least(%(wanted)s, floor(tokens - %(reserve)s))) AS granted FROM bucket
)
UPDATE senders s SET rate_tokens = taken.tokens - taken.granted, rate_at = clock_timestamp()
FROM taken WHERE s.sender_id = taken.sender_id
RETURNING taken.granted::integer;

-- name: note_trouble
-- Unless the sender rests, which has its own words.
UPDATE senders
SET problem = %(problem)s,
    trouble_since = CASE WHEN %(problem)s <> '' THEN coalesce(trouble_since, now()) END,
    trouble_at = CASE WHEN %(problem)s <> '' THEN now() END
WHERE sender_id = %(sender_id)s AND (paused_until IS NULL OR paused_until <= now());

-- name: all_senders
SELECT s.sender_id, s.account_id, s.name, s.kind, s.channel, s.from_email, s.from_name, s.reply_to, s.config, s.is_default,
       s.paused_until, s.problem, s.secret
FROM senders s ORDER BY s.sender_id;

-- name: pause_sender
UPDATE senders SET paused_until = %(until)s, problem = %(problem)s WHERE sender_id = %(sender_id)s;

-- name: insert_messages
-- Single messages. One row a recipient; its parameters a second time where the mail will have a web page, because the
-- queue's row goes when the message has its end.
WITH given AS (
    SELECT message_id, account_id, contact_id, channel, lane, sender_id, group_id, content_id, params::jsonb, address,
           external_request_id, from_name, life, string_to_array(nullif(categories, ''), E'\x1f') AS categories
    FROM unnest(%(message_ids)s::uuid[], %(account_ids)s::bigint[], %(contact_ids)s::bigint[],
                %(channels)s::smallint[], %(lanes)s::smallint[], %(sender_ids)s::bigint[], %(group_ids)s::bigint[],
                %(content_ids)s::bigint[],
                %(params)s::text[], %(addresses)s::text[], %(external_request_ids)s::text[], %(from_names)s::text[],
                %(lives)s::interval[], %(categories)s::text[])
         AS row (message_id, account_id, contact_id, channel, lane, sender_id, group_id, content_id, params, address,
                 external_request_id, from_name, life, categories)
),
kept AS (
    INSERT INTO message_params (account_id, bucket, contact_id, message_id, params)
    SELECT g.account_id, (g.contact_id & 255)::smallint, g.contact_id, g.message_id, g.params
    FROM given g JOIN contents c ON c.content_id = g.content_id AND c.is_viewable
    WHERE g.params <> '{}'
    ON CONFLICT DO NOTHING
)
INSERT INTO messages (message_id, account_id, contact_id, channel, lane, sender_id, group_id, content_id, params, address,
                      external_request_id, from_name, deadline, categories)
SELECT message_id, account_id, contact_id, channel, lane, sender_id, group_id, content_id, params, address, external_request_id,
       from_name, now() + life, coalesce(categories, '{}')
FROM given
ON CONFLICT (message_id) DO NOTHING;

-- name: message_params
-- Primary key.
SELECT params FROM message_params
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s
  AND message_id = %(message_id)s;

-- name: forget_params
-- Index: message_params_age.
DELETE FROM message_params WHERE created_at < %(before)s;

-- name: insert_excluded
-- Messages that somebody asked for and nobody gets: settled at once. One row a recipient.
INSERT INTO ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel, state, uncertain,
                    attempts, launched_at, settled_at, address, reason, content_id, external_request_id, categories)
SELECT account_id, (contact_id & 255)::smallint, message_id, contact_id, 0, sender_id, channel, 3, false, 0, now(),
       now(), address, reason, content_id, external_request_id, string_to_array(nullif(categories, ''), E'\x1f')
FROM unnest(%(account_ids)s::bigint[], %(message_ids)s::uuid[], %(contact_ids)s::bigint[], %(channels)s::smallint[],
            %(sender_ids)s::bigint[], %(addresses)s::text[], %(reasons)s::text[], %(content_ids)s::bigint[],
            %(external_request_ids)s::text[], %(categories)s::text[])
     AS row (account_id, message_id, contact_id, channel, sender_id, address, reason, content_id, external_request_id,
             categories)
RETURNING account_id, channel, date_bin('1 hour', settled_at, 'epoch');

-- name: reach
-- What accepting a message needs of its contact. Primary key of contacts; the bucket comes as a column of its own (see
-- contacts' known_contacts).
SELECT c.contact_id, c.email, c.phone, c.language, c.email_state, c.sms_state, c.push_state
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
CROSS JOIN LATERAL (
    SELECT * FROM contacts
    WHERE account_id = %(account_id)s AND bucket = k.bucket AND contact_id = k.contact_id LIMIT 1
) AS c;

-- name: suppressed
-- Those of these addresses to which nothing is sent now. Primary key of suppressions.
SELECT address FROM suppressions
WHERE account_id = %(account_id)s AND channel = %(channel)s AND address = ANY (%(addresses)s::text[])
    AND (expires_at IS NULL OR expires_at > now());

-- name: status
-- Queued or settled, with what happened since. Index: messages' and ledger's primary keys, activity_contact.
SELECT ids.message_id, coalesce(l.contact_id, m.contact_id) AS contact_id,
       coalesce(l.campaign_id, m.campaign_id) AS campaign_id, l.state, coalesce(l.channel, m.channel) AS channel,
       coalesce(l.content_id, m.content_id) AS content_id, t.template_id,
       coalesce(l.external_request_id, m.external_request_id) AS external_request_id,
       coalesce(l.address, m.address) AS address, coalesce(l.reason, m.last_reply) AS reason,
       coalesce(l.attempts, m.attempt) AS attempts, l.state IS NULL AND m.worker_id IS NOT NULL AS leased,
       coalesce(l.uncertain, m.uncertain) AS uncertain, l.settled_at,
       e.first_open_at AS opened_at, e.first_click_at AS clicked_at, e.unsubscribed_at, e.delivered_at,
       e.bounced_at, coalesce(b.detail, '') AS bounce
FROM unnest(%(message_ids)s::uuid[], %(buckets)s::smallint[]) AS ids (message_id, bucket)
LEFT JOIN messages m ON m.message_id = ids.message_id AND m.account_id = %(account_id)s
LEFT JOIN ledger l ON l.account_id = %(account_id)s AND l.bucket = ids.bucket AND l.message_id = ids.message_id
LEFT JOIN engagements e ON e.account_id = %(account_id)s AND e.bucket = ids.bucket AND e.message_id = ids.message_id
LEFT JOIN contents t ON t.account_id = %(account_id)s AND t.content_id = coalesce(l.content_id, m.content_id)
LEFT JOIN LATERAL (
    SELECT detail FROM activity a
    WHERE a.account_id = %(account_id)s AND a.bucket = ids.bucket AND a.contact_id = l.contact_id
        AND a.occurred_at = e.bounced_at AND a.kind = 2 AND a.message_id = ids.message_id
    LIMIT 1
) b ON e.bounced_at IS NOT NULL
WHERE m.message_id IS NOT NULL OR l.message_id IS NOT NULL;

-- name: settled_message
-- How a message ended, and the categories it was sent under; without a state: it is queued. Primary keys of ledger,
-- messages and campaigns.
SELECT coalesce(l.contact_id, m.contact_id) AS contact_id, coalesce(l.campaign_id, m.campaign_id) AS campaign_id,
       coalesce(l.channel, m.channel) AS channel, l.address, l.state, l.settled_at, l.reason,
       coalesce(to_jsonb(l.categories), c.audience -> 'categories') AS categories
FROM (VALUES (%(message_id)s::uuid)) AS ids (message_id)
LEFT JOIN ledger l ON l.account_id = %(account_id)s AND l.bucket = %(bucket)s AND l.message_id = ids.message_id
LEFT JOIN messages m ON m.message_id = ids.message_id AND m.account_id = %(account_id)s
LEFT JOIN campaigns c ON c.account_id = %(account_id)s AND c.campaign_id = l.campaign_id AND l.campaign_id <> 0
WHERE l.message_id IS NOT NULL OR m.message_id IS NOT NULL;

-- name: chunks_of_worker
-- What a dead process held: to settle its journal.
SELECT k.campaign_id, k.chunk_no, k.account_id, k.sender_id, k.contact_ids, c.channel, c.launched_at, c.content_id,
       c.content_languages, s.config ->> 'on_uncertain' AS on_uncertain, k.group_id, k.channel AS chosen, c.alternatives
FROM campaign_chunks k JOIN campaigns c ON c.campaign_id = k.campaign_id
LEFT JOIN senders s ON s.sender_id = k.sender_id        -- a member of a group may be deleted while it sends
WHERE k.worker_id = %(worker_id)s;

-- name: messages_of_worker
SELECT m.message_id, m.account_id, m.contact_id, m.channel, m.campaign_id, m.sender_id, m.content_id, m.address, m.attempt,
       m.created_at, m.deadline, m.uncertain, m.external_request_id, m.categories,
       coalesce(c.alternatives, '[]') <> '[]' AS is_choice,
       coalesce(c.launched_at, m.created_at) AS launched_at, s.config ->> 'on_uncertain' AS on_uncertain
FROM messages m LEFT JOIN campaigns c ON c.campaign_id = m.campaign_id
LEFT JOIN senders s ON s.sender_id = m.sender_id
WHERE m.worker_id = %(worker_id)s;

-- name: addresses
-- Of a channel: 1 email, 2 sms, 3 the oldest browser; with the language to write in. Index: primary keys of contacts and
-- contact_channels.
SELECT contact_id, CASE %(channel)s WHEN 1 THEN email WHEN 2 THEN phone ELSE (
    SELECT h.endpoint FROM push_subscriptions h
    WHERE h.account_id = c.account_id AND h.bucket = c.bucket AND h.contact_id = c.contact_id
    ORDER BY h.created_at, h.endpoint LIMIT 1) END, language
FROM contacts c
JOIN unnest(%(contact_ids)s::bigint[]) AS ids (id) ON c.bucket = (ids.id & 255)::smallint AND c.contact_id = ids.id
WHERE c.account_id = %(account_id)s;

-- name: workers
-- Every registered sending process, with the seconds since its last heartbeat.
SELECT worker_id, host, extract(epoch FROM now() - heartbeat_at)::float8 AS silent_for FROM workers;

-- name: count_settled
-- A chunk that had another holder before: how many of its recipients are settled in truth.
UPDATE campaign_chunks SET settled = %(settled)s
WHERE campaign_id = %(campaign_id)s AND chunk_no = %(chunk_no)s AND fence = %(fence)s;

-- name: campaign_states
SELECT campaign_id, state FROM campaigns WHERE campaign_id = ANY(%(campaign_ids)s);

-- name: insert_sender
INSERT INTO senders (account_id, name, kind, channel, from_email, from_name, reply_to, config, is_default)
VALUES (%(account_id)s, %(name)s, %(kind)s, %(channel)s, %(from_email)s, %(from_name)s, %(reply_to)s, %(config)s, %(is_default)s)
RETURNING sender_id, account_id, name, kind, channel, from_email, from_name, reply_to, config, is_default, paused_until, problem;

-- name: select_senders
SELECT sender_id, account_id, name, kind, channel, from_email, from_name, reply_to, config, is_default, paused_until, problem
FROM senders WHERE account_id = %(account_id)s AND (%(sender_id)s::bigint IS NULL OR sender_id = %(sender_id)s)
ORDER BY sender_id;

-- name: find_sender
SELECT sender_id, account_id, name, kind, channel, from_email, from_name, reply_to, config, is_default, paused_until, problem
FROM senders WHERE sender_id = %(sender_id)s;

-- name: update_sender
UPDATE senders SET name = %(name)s, from_email = %(from_email)s, from_name = %(from_name)s, reply_to = %(reply_to)s,
                   config = %(config)s, is_default = %(is_default)s, paused_until = NULL, problem = '',
                   trouble_since = NULL, trouble_at = NULL
WHERE account_id = %(account_id)s AND sender_id = %(sender_id)s
RETURNING sender_id, account_id, name, kind, channel, from_email, from_name, reply_to, config, is_default, paused_until, problem;

-- name: save_secret
UPDATE senders SET secret = %(secret)s WHERE sender_id = %(sender_id)s;

-- name: save_callback_secret
UPDATE senders SET callback_secret = %(secret)s WHERE sender_id = %(sender_id)s;

-- name: callback_secret
SELECT callback_secret FROM senders WHERE sender_id = %(sender_id)s;

-- name: clear_default
UPDATE senders SET is_default = false WHERE account_id = %(account_id)s AND channel = %(channel)s AND is_default;

-- name: sender_users
-- A campaign that is not over and uses this sender.
SELECT name FROM campaigns
WHERE account_id = %(account_id)s
  AND (sender_id = %(sender_id)s OR alternatives @> jsonb_build_array(jsonb_build_object('sender_id', %(sender_id)s::bigint)))
  AND state IN ('draft', 'scheduled', 'expanding', 'sending', 'paused') LIMIT 1;

-- name: delete_sender
DELETE FROM senders WHERE account_id = %(account_id)s AND sender_id = %(sender_id)s;

-- name: sender_secret
SELECT secret FROM senders WHERE account_id = %(account_id)s AND sender_id = %(sender_id)s;
