-- name: append
-- Makes a batch of hits durable in one short row for each lane. No row when this batch was written before.
WITH claimed AS (
    INSERT INTO activity_writers AS known (writer_id, batch)
    SELECT %(writer_id)s::uuid, %(batch)s::bigint WHERE %(writer_id)s::uuid IS NOT NULL
    ON CONFLICT (writer_id) DO UPDATE SET batch = excluded.batch, written_at = now() WHERE known.batch < excluded.batch
    RETURNING 1
)
INSERT INTO activity_journal (lane, hits)
SELECT part.lane, part.hits FROM (VALUES (0::smallint, %(even)s::json), (1::smallint, %(odd)s::json)) AS part (lane, hits)
WHERE part.hits IS NOT NULL AND (%(writer_id)s::uuid IS NULL OR EXISTS (SELECT FROM claimed))
RETURNING 1;

-- name: may_count
-- Until the transaction ends no contact is erased or merged. A statement of its own, since what follows must see the
-- erasures and merges that it waited for.
SELECT pg_advisory_xact_lock_shared(%(lock)s);

-- name: count
-- Moves batches from the journal to `activity` with every counter they change, in one statement and so in one
-- transaction. Returns the number of batches taken, all of one lane if one is given; batches that another process is
-- counting are left to it.
--
-- Tables are written one after the other, each in the order of its key, so that writers wait for each other and
-- never in a circle. A first time that moves to an earlier hour, because a hit arrived late, is moved in the
-- counters too: the counters always equal a recount of the raw rows. Hits of erased contacts are dropped.
WITH taken AS MATERIALIZED (
    DELETE FROM activity_journal
    WHERE journal_id = ANY (ARRAY(
        SELECT journal_id FROM activity_journal
        WHERE refused IS NULL AND (%(journal_id)s::bigint IS NULL OR journal_id = %(journal_id)s)
            AND (%(lane)s::smallint IS NULL OR coalesce(lane, %(lane)s) = %(lane)s)
        ORDER BY journal_id
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING hits
), hit AS MATERIALIZED (
    SELECT account_id, contact_id, message_id, campaign_id, kind, coalesce(hit_class, 0::smallint) AS class,
        coalesce(channel, 1::smallint) AS channel, occurred_at, link,
        coalesce(content_id, 0) AS content_id, ip, user_agent, detail, coalesce(device, '') AS device,
        coalesce(client, '') AS client, coalesce(os, '') AS os, coalesce(country, '') AS country,
        (contact_id & 255)::smallint AS bucket, kind IN (3, 4) AS is_read
    FROM taken, json_to_recordset(hits) AS hit (account_id bigint, contact_id bigint, message_id uuid,
        campaign_id bigint, kind smallint, hit_class smallint, channel smallint, occurred_at timestamptz, link smallint,
        content_id bigint, ip text, user_agent text, detail text, device text, client text, os text, country text)
    WHERE NOT EXISTS (SELECT FROM erased_contacts e WHERE e.account_id = hit.account_id
        AND e.bucket = (hit.contact_id & 255)::smallint AND e.contact_id = hit.contact_id)
), raw AS (
    INSERT INTO activity (account_id, bucket, contact_id, occurred_at, kind, class, channel, campaign_id, message_id,
        link, content_id, ip, user_agent, detail, device, client, os, country)
    SELECT account_id, bucket, contact_id, occurred_at, kind, class, channel, campaign_id, message_id,
        link, content_id, ip, user_agent, detail, device, client, os, country
    FROM hit
), reacted AS MATERIALIZED (
    SELECT account_id, bucket, message_id, min(contact_id) AS contact_id, min(campaign_id) AS campaign_id,
        min(channel) AS channel,
        count(*) FILTER (WHERE kind = 3 AND class = 0) AS opens,
        count(*) FILTER (WHERE kind = 4 AND class = 0) AS clicks,
        count(*) FILTER (WHERE kind = 3 AND class = 1) AS machine_opens,
        count(*) FILTER (WHERE kind = 4 AND class = 1) AS machine_clicks,
        -- Who clicks has seen the mail, whatever their images do: a human click implies an open.
        min(occurred_at) FILTER (WHERE kind IN (3, 4) AND class = 0) AS open_at,
        min(occurred_at) FILTER (WHERE kind = 4 AND class = 0) AS click_at,
        min(occurred_at) FILTER (WHERE kind = 1) AS delivered_at,
        min(occurred_at) FILTER (WHERE kind = 2) AS bounced_at,
        min(occurred_at) FILTER (WHERE kind = 5) AS unsubscribed_at,
        min(occurred_at) FILTER (WHERE kind = 6) AS complained_at,
        min(occurred_at) FILTER (WHERE kind = 8) AS closed_at,
        max(occurred_at) FILTER (WHERE kind IN (3, 4) AND class = 0) AS last_open_at,
        max(occurred_at) FILTER (WHERE kind = 4 AND class = 0) AS last_click_at
    FROM hit
    WHERE kind <> 7
    GROUP BY account_id, bucket, message_id
), message AS MATERIALIZED (
    -- Who has it now, and the domain of their address. Primary key of contacts; those who are not there may have been
    -- merged: primary keys of merged_contacts and contacts.
    SELECT reacted.*, coalesce(kept.contact_id, reacted.contact_id) AS owner,
        CASE channel WHEN 1 THEN coalesce(split_part(coalesce(c.email, kept.email), '@', 2), '') END AS domain
    FROM reacted
    LEFT JOIN contacts c ON c.account_id = reacted.account_id AND c.bucket = reacted.bucket
        AND c.contact_id = reacted.contact_id
    LEFT JOIN LATERAL (
        SELECT m.into_contact_id AS contact_id, k.email
        FROM merged_contacts m
        LEFT JOIN contacts k ON k.account_id = m.account_id
            AND k.bucket = (m.into_contact_id & 255)::smallint AND k.contact_id = m.into_contact_id
        WHERE c.contact_id IS NULL AND m.account_id = reacted.account_id AND m.bucket = reacted.bucket
            AND m.contact_id = reacted.contact_id
        LIMIT 1
    ) AS kept ON true
), engaged AS (
    INSERT INTO engagements AS known (account_id, bucket, message_id, contact_id, campaign_id, opens, clicks,
        machine_opens, machine_clicks, first_open_at, first_click_at, delivered_at, bounced_at, unsubscribed_at,
        complained_at, closed_at, domain)
    SELECT account_id, bucket, message_id, contact_id, campaign_id, opens, clicks, machine_opens, machine_clicks,
        open_at, click_at, delivered_at, bounced_at, unsubscribed_at, complained_at, closed_at, domain
    FROM message
    ORDER BY account_id, bucket, message_id
    ON CONFLICT (account_id, bucket, message_id) DO UPDATE SET
        opens = known.opens + excluded.opens,
        clicks = known.clicks + excluded.clicks,
        machine_opens = known.machine_opens + excluded.machine_opens,
        machine_clicks = known.machine_clicks + excluded.machine_clicks,
        first_open_at = least(known.first_open_at, excluded.first_open_at),
        first_click_at = least(known.first_click_at, excluded.first_click_at),
        delivered_at = least(known.delivered_at, excluded.delivered_at),
        bounced_at = least(known.bounced_at, excluded.bounced_at),
        unsubscribed_at = least(known.unsubscribed_at, excluded.unsubscribed_at),
        complained_at = least(known.complained_at, excluded.complained_at),
        closed_at = least(known.closed_at, excluded.closed_at),
        previous = ARRAY[known.first_open_at, known.first_click_at, known.delivered_at, known.bounced_at,
            known.unsubscribed_at, known.complained_at, known.closed_at],
        domain = coalesce(known.domain, excluded.domain)
    RETURNING account_id, bucket, message_id, first_open_at, first_click_at, delivered_at, bounced_at, unsubscribed_at,
        complained_at, closed_at, previous, domain
), change AS MATERIALIZED (
    SELECT account_id, m.owner, m.campaign_id, m.channel, e.domain, m.last_open_at, m.last_click_at, e.first_open_at,
        e.first_click_at, e.delivered_at, e.bounced_at, e.unsubscribed_at, e.complained_at, e.closed_at,
        e.previous
    FROM engaged e JOIN message m USING (account_id, bucket, message_id)
), contact AS (
    -- Late hits of a contact that was merged count for the kept one. Points as in engagement.py: a first time that moves
    -- takes its old worth away.
    INSERT INTO contact_statistics AS known (account_id, bucket, contact_id, opened, clicked, last_open_at,
        last_click_at, engagement)
    SELECT account_id, (owner & 255)::smallint, owner,
        count(*) FILTER (WHERE first_open_at IS NOT NULL AND previous[1] IS NULL),
        count(*) FILTER (WHERE first_click_at IS NOT NULL AND previous[2] IS NULL),
        max(last_open_at), max(last_click_at),
        sum(CASE WHEN first_open_at IS DISTINCT FROM previous[1]
                THEN engagement_weight(first_open_at) - engagement_weight(previous[1]) ELSE 0 END
            + CASE WHEN first_click_at IS DISTINCT FROM previous[2]
                THEN 3 * (engagement_weight(first_click_at) - engagement_weight(previous[2])) ELSE 0 END)
    FROM change
    WHERE last_open_at IS NOT NULL
    GROUP BY account_id, owner
    ORDER BY account_id, (owner & 255)::smallint, owner
    ON CONFLICT (account_id, bucket, contact_id) DO UPDATE SET
        opened = known.opened + excluded.opened,
        clicked = known.clicked + excluded.clicked,
        last_open_at = greatest(known.last_open_at, excluded.last_open_at),
        last_click_at = greatest(known.last_click_at, excluded.last_click_at),
        engagement = known.engagement + excluded.engagement
    RETURNING account_id, contact_id, last_order_at
), late AS (
    -- Who wrote an order could not see hits that are counted now and are older: attribution looks at the contact anew.
    INSERT INTO attribution_queue (account_id, contact_id)
    SELECT account_id, contact_id FROM contact
    WHERE last_order_at >= (SELECT min(occurred_at) FROM hit WHERE is_read AND class = 0)
), seen AS MATERIALIZED (
    -- Opens and clicks that all counters see alike.
    SELECT account_id, campaign_id, channel, kind, class, link, date_bin('1 hour', occurred_at, 'epoch') AS hour, device,
        client, os, country, count(*) AS count
    FROM hit WHERE is_read
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
), counted AS MATERIALIZED (
    -- Numbers of activity.rollups.model.RollupKind. The first times as they are now, less those of before.
    SELECT account_id, campaign_id, channel, domain, date_bin('1 hour', at, 'epoch') AS hour, kind, sum(change) AS count
    FROM (
        SELECT account_id, campaign_id, channel, NULL AS domain, hour AS at, 10 + 10 * class + kind AS kind,
            count AS change
        FROM seen
        UNION ALL
        SELECT account_id, campaign_id, channel, domain, first_open_at, 43, 1
        FROM change WHERE first_open_at IS DISTINCT FROM previous[1] AND first_open_at IS NOT NULL
        UNION ALL
        SELECT account_id, campaign_id, channel, domain, first_click_at, 44, 1
        FROM change WHERE first_click_at IS DISTINCT FROM previous[2] AND first_click_at IS NOT NULL
        UNION ALL
        SELECT account_id, campaign_id, channel, domain, delivered_at, 11, 1
        FROM change WHERE delivered_at IS DISTINCT FROM previous[3] AND delivered_at IS NOT NULL
        UNION ALL
        SELECT account_id, campaign_id, channel, domain, bounced_at, 12, 1
        FROM change WHERE bounced_at IS DISTINCT FROM previous[4] AND bounced_at IS NOT NULL
        UNION ALL
        SELECT account_id, campaign_id, channel, domain, unsubscribed_at, 15, 1
        FROM change WHERE unsubscribed_at IS DISTINCT FROM previous[5] AND unsubscribed_at IS NOT NULL
        UNION ALL
        SELECT account_id, campaign_id, channel, domain, complained_at, 16, 1
        FROM change WHERE complained_at IS DISTINCT FROM previous[6] AND complained_at IS NOT NULL
        UNION ALL
        SELECT account_id, campaign_id, channel, domain, closed_at, 18, 1
        FROM change WHERE closed_at IS DISTINCT FROM previous[7] AND closed_at IS NOT NULL
        UNION ALL
        SELECT account_id, campaign_id, channel, domain, past.at, past.kind, -1
        FROM change,
            LATERAL (VALUES
                (43, first_open_at, previous[1]), (44, first_click_at, previous[2]), (11, delivered_at, previous[3]),
                (12, bounced_at, previous[4]), (15, unsubscribed_at, previous[5]), (16, complained_at, previous[6]),
                (18, closed_at, previous[7])
            ) AS past (kind, present, at)
        WHERE previous IS NOT NULL AND past.present IS DISTINCT FROM past.at AND past.at IS NOT NULL
            -- Most come again without a new first time: one comparison for them, not seven.
            AND previous <> ARRAY[first_open_at, first_click_at, delivered_at, bounced_at, unsubscribed_at,
                complained_at, closed_at]
    ) AS changes
    GROUP BY 1, 2, 3, 4, 5, 6
), facet AS MATERIALIZED (
    SELECT account_id, campaign_id, date_bin('1 day', hour, 'epoch') AS day,
        grouping(client, os, country) / 7 * 2 + grouping(device, os, country) / 7 * 3
            + grouping(device, client, country) / 7 * 4 + grouping(device, client, os) / 7 * 5 AS dimension,
        coalesce(device, client, os, country) AS value, 10 + 10 * class + kind AS kind, sum(count) AS count
    FROM seen
    GROUP BY 1, 2, 3, 6, GROUPING SETS ((device), (client), (os), (country))
), rollup (account_id, dimension, campaign_id, hour, value, kind, count) AS (
    SELECT account_id, 0, -1, hour, channel::text, kind, sum(count) FROM counted GROUP BY 1, 4, 5, 6
    UNION ALL
    SELECT account_id, 0, 0, hour, channel::text, kind, sum(count) FROM counted WHERE campaign_id = 0
    GROUP BY 1, 4, 5, 6
    UNION ALL
    SELECT account_id, 1, whole.campaign_id, date_bin('1 day', hour, 'epoch'), domain, kind, sum(count)
    FROM counted, LATERAL (VALUES (-1), (counted.campaign_id)) AS whole (campaign_id)
    WHERE domain IS NOT NULL
    GROUP BY 1, 3, 4, 5, 6
    UNION ALL
    SELECT account_id, dimension, campaign_id, day, value, kind, count FROM facet
    UNION ALL
    SELECT account_id, dimension, -1, day, value, kind, sum(count) FROM facet GROUP BY 1, 2, 4, 5, 6
), rolled AS (
    INSERT INTO activity_rollups AS known (account_id, dimension, campaign_id, hour, value, kind, shard, count)
    SELECT account_id, dimension, campaign_id, hour, value, kind, %(shard)s::smallint, count
    FROM rollup
    WHERE count <> 0
    ORDER BY account_id, dimension, campaign_id, hour, value COLLATE "C", kind
    ON CONFLICT (account_id, dimension, campaign_id, hour, value, kind, shard)
    DO UPDATE SET count = known.count + excluded.count
), campaign AS (
    INSERT INTO campaign_statistics AS known (account_id, campaign_id, hour, kind, shard, count)
    SELECT account_id, campaign_id, hour, named.name, %(shard)s::smallint, sum(count)
    FROM counted
    JOIN (VALUES (11, 'delivered'), (12, 'bounced'), (13, 'opened'), (14, 'clicked'), (15, 'unsubscribed'),
        (16, 'complained'), (18, 'closed'), (23, 'opened.machine'), (24, 'clicked.machine'), (33, 'opened.unknown'),
        (34, 'clicked.unknown'), (43, 'opened.first'), (44, 'clicked.first')) AS named (kind, name) USING (kind)
    WHERE campaign_id <> 0
    GROUP BY 1, 2, 3, 4
    HAVING sum(count) <> 0
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (account_id, campaign_id, hour, kind, shard) DO UPDATE SET count = known.count + excluded.count
), followed AS (
    INSERT INTO campaign_link_statistics AS known (account_id, campaign_id, link, shard, clicks, machine_clicks)
    SELECT account_id, campaign_id, link, %(shard)s::smallint,
        coalesce(sum(count) FILTER (WHERE class = 0), 0), coalesce(sum(count) FILTER (WHERE class = 1), 0)
    FROM seen
    WHERE kind = 4 AND class <> 2 AND link >= 0 AND campaign_id <> 0
    GROUP BY account_id, campaign_id, link
    ORDER BY account_id, campaign_id, link
    ON CONFLICT (account_id, campaign_id, link, shard) DO UPDATE SET
        clicks = known.clicks + excluded.clicks,
        machine_clicks = known.machine_clicks + excluded.machine_clicks
), told AS (
    -- Whoever follows the account hears of it; machines are no news, nor are notifications that were put away.
    SELECT f.account_id, f.follower_id, hit.occurred_at,
        json_build_object('contact_id', contact_id, 'message_id', message_id, 'campaign_id', campaign_id,
            'content_id', content_id, 'channel', channel, 'occurred_at', occurred_at, 'kind', kind,
            'is_unsure', class = 2, 'link', link, 'detail', detail) AS fact,
        (row_number() OVER (PARTITION BY f.follower_id ORDER BY hit.occurred_at) - 1) / 1000 AS part
    FROM activity_followers f JOIN hit USING (account_id)
    WHERE class <> 1 AND kind <> 8
), news AS (
    INSERT INTO activity_news (follower_id, account_id, facts, size)
    SELECT follower_id, account_id, json_agg(fact ORDER BY occurred_at), count(*)
    FROM told
    GROUP BY follower_id, account_id, part
    ORDER BY follower_id, part
)
SELECT count(*) FROM taken;

-- name: followers
-- Who follows these accounts. Index: activity_followers_account.
SELECT account_id, follower_id FROM activity_followers WHERE account_id = ANY (%(account_ids)s::bigint[]);

-- name: add_news
INSERT INTO activity_news (follower_id, account_id, facts, size)
VALUES (%(follower_id)s, %(account_id)s, %(facts)s, %(size)s);

-- name: follow
INSERT INTO activity_followers (follower_id, account_id) VALUES (%(follower_id)s, %(account_id)s)
ON CONFLICT (follower_id) DO NOTHING;

-- name: unfollow
DELETE FROM activity_followers WHERE follower_id = %(follower_id)s;

-- name: news
-- The oldest that were written before a moment. Index: activity_news_follower.
SELECT news_id, facts, size FROM activity_news
WHERE follower_id = %(follower_id)s AND written_at <= now() - %(rest)s
ORDER BY news_id LIMIT %(limit)s;

-- name: erased
-- Of these contacts, those that were erased. Primary key of erased_contacts.
SELECT e.contact_id
FROM unnest(%(contact_ids)s::bigint[], %(buckets)s::smallint[]) AS k (contact_id, bucket)
JOIN erased_contacts e ON e.account_id = %(account_id)s AND e.bucket = k.bucket AND e.contact_id = k.contact_id;

-- name: forget_news
DELETE FROM activity_news WHERE news_id = ANY (%(news_ids)s::bigint[]);

-- name: forget_all_news
DELETE FROM activity_news WHERE follower_id = %(follower_id)s;

-- name: count_news
-- Facts that wait. Index: activity_news_follower.
SELECT coalesce(sum(size), 0)::bigint FROM activity_news WHERE follower_id = %(follower_id)s;

-- name: uncounted
-- Batches in the journal, oldest first, those included that somebody is counting at the moment.
SELECT journal_id FROM activity_journal
WHERE refused IS NULL AND (%(lane)s::smallint IS NULL OR coalesce(lane, %(lane)s) = %(lane)s)
ORDER BY journal_id LIMIT %(limit)s;

-- name: split
-- Gives every hit of a batch a row of its own; no row when it was alone already.
WITH taken AS (
    DELETE FROM activity_journal WHERE journal_id = %(journal_id)s AND json_array_length(hits) > 1 RETURNING lane, hits
)
INSERT INTO activity_journal (lane, hits) SELECT lane, json_build_array(hit) FROM taken, json_array_elements(hits) AS hit
RETURNING 1;

-- name: refuse
-- Leave out of the counting what the database refuses.
UPDATE activity_journal SET refused = %(reason)s WHERE journal_id = %(journal_id)s;

-- name: claim
-- One row when this batch was not committed before. For batches that write more than hits.
INSERT INTO activity_writers AS known (writer_id, batch) VALUES (%(writer_id)s, %(batch)s)
ON CONFLICT (writer_id) DO UPDATE SET batch = excluded.batch, written_at = now() WHERE known.batch < excluded.batch
RETURNING 1;

-- name: forget_writers
-- After their spool file is gone for good, nobody can ask for these batches again.
DELETE FROM activity_writers WHERE writer_id = ANY(%(writers)s);

-- name: forget_old_writers
-- Writers that were killed leave one row each.
DELETE FROM activity_writers WHERE written_at < now() - interval '90 days';

-- name: engagement
-- Index: contact_statistics' primary key.
SELECT engagement, sent, opened, clicked, last_sent_at, last_open_at, last_click_at FROM contact_statistics
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s;

-- name: engagement_bands
-- Contacts by how many of the limits they reach. Reads the account's contacts and statistics once.
SELECT width_bucket(coalesce(s.engagement, 0), %(limits)s::float8[]), count(*)
FROM contacts c
LEFT JOIN contact_statistics s ON s.account_id = c.account_id AND s.bucket = c.bucket AND s.contact_id = c.contact_id
WHERE c.account_id = %(account_id)s
GROUP BY 1;

-- name: cohorts
-- Contacts by the month in which they began, and by that and each month in which they were there; the second is null for
-- all of them. Reads contacts or orders, and engagements or orders, once: rows of current state, not facts.
WITH member AS MATERIALIZED (
    SELECT c.contact_id, date_trunc('month', c.created_at AT TIME ZONE %(zone)s) AS begun
    FROM contacts c
    WHERE %(by)s = 'created' AND c.account_id = %(account_id)s AND c.created_at >= %(since)s
    UNION ALL
    SELECT found.contact_id, date_trunc('month', found.first AT TIME ZONE %(zone)s)
    FROM (
        SELECT o.bucket, o.contact_id, min(o.ordered_at) AS first FROM orders o
        WHERE %(by)s = 'first_order' AND o.account_id = %(account_id)s
            AND upper(o.status) NOT IN ('CANCELLED', 'ABANDONED_SHOPPING_CART')
        GROUP BY o.bucket, o.contact_id
    ) AS found
    JOIN contacts c ON c.account_id = %(account_id)s AND c.bucket = found.bucket AND c.contact_id = found.contact_id
    WHERE found.first >= %(since)s
), there AS (
    -- What was done with messages of contacts that were merged was done by the kept one.
    SELECT DISTINCT coalesce(m.into_contact_id, e.contact_id) AS contact_id,
        date_trunc('month', e.first_open_at AT TIME ZONE %(zone)s) AS month
    FROM engagements e
    LEFT JOIN merged_contacts m
        ON m.account_id = e.account_id AND m.bucket = e.bucket AND m.contact_id = e.contact_id
    WHERE %(active)s = 'engaged' AND e.account_id = %(account_id)s AND e.first_open_at >= %(since)s
    UNION ALL
    SELECT DISTINCT o.contact_id, date_trunc('month', o.ordered_at AT TIME ZONE %(zone)s)
    FROM orders o
    WHERE %(active)s = 'ordered' AND o.account_id = %(account_id)s AND o.ordered_at >= %(since)s
        AND upper(o.status) NOT IN ('CANCELLED', 'ABANDONED_SHOPPING_CART')
)
SELECT begun::date, NULL::date, count(*) FROM member GROUP BY 1
UNION ALL
SELECT member.begun::date, there.month::date, count(*)
FROM member JOIN there USING (contact_id)
WHERE there.month >= member.begun
GROUP BY 1, 2;

-- name: campaign_counts
SELECT kind, sum(count)::bigint
FROM campaign_statistics
WHERE account_id = %(account_id)s AND campaign_id = %(campaign_id)s
GROUP BY kind;

-- name: campaign_hours
SELECT hour, kind, sum(count)::bigint
FROM campaign_statistics
WHERE account_id = %(account_id)s AND campaign_id = %(campaign_id)s
GROUP BY hour, kind
HAVING sum(count) <> 0
ORDER BY hour, kind;

-- name: links
SELECT link, sum(clicks)::bigint, sum(machine_clicks)::bigint
FROM campaign_link_statistics
WHERE account_id = %(account_id)s AND campaign_id = %(campaign_id)s
GROUP BY link
ORDER BY link;

-- name: ledger_of_contacts
-- Newest first, from a place in the timeline, of some contacts. Index: ledger_contact of each month, merged.
SELECT found.*
FROM unnest(%(contact_ids)s::bigint[], %(buckets)s::smallint[]) AS wanted (contact_id, bucket)
CROSS JOIN LATERAL (
    SELECT l.settled_at, l.state, l.contact_id, l.campaign_id, l.message_id, l.channel, l.address, l.reason
    FROM ledger l
    WHERE l.account_id = %(account_id)s AND l.bucket = wanted.bucket AND l.contact_id = wanted.contact_id
        AND l.settled_at >= %(since)s AND l.settled_at < %(until)s
        AND (l.settled_at, l.message_id) < (%(at)s, %(message_id)s)
        AND l.state = ANY (%(states)s::smallint[]) AND l.channel = ANY (%(channels)s::smallint[])
        AND (%(campaign_id)s::bigint IS NULL OR l.campaign_id = %(campaign_id)s)
        AND (%(of_message)s::uuid IS NULL OR l.message_id = %(of_message)s)
    ORDER BY l.settled_at DESC, l.message_id DESC LIMIT %(limit)s
) AS found
ORDER BY found.settled_at DESC, found.message_id DESC LIMIT %(limit)s;

-- name: ledger_of_account
-- The same of the whole account. Index: ledger_account of each month, one stretch for each state and channel.
SELECT found.*
FROM unnest(%(states)s::smallint[]) AS s (state)
CROSS JOIN unnest(%(channels)s::smallint[]) AS h (channel)
CROSS JOIN LATERAL (
    SELECT l.settled_at, l.state, l.contact_id, l.campaign_id, l.message_id, l.channel, l.address, l.reason
    FROM ledger l
    WHERE l.account_id = %(account_id)s AND l.state = s.state AND l.channel = h.channel
        AND l.settled_at >= %(since)s AND l.settled_at < %(until)s
        AND (l.settled_at, l.message_id) < (%(at)s, %(message_id)s)
    ORDER BY l.settled_at DESC, l.message_id DESC LIMIT %(limit)s
) AS found
ORDER BY found.settled_at DESC, found.message_id DESC LIMIT %(limit)s;

-- name: ledger_of_campaign
-- The same of a campaign. Index: ledger_campaign.
SELECT found.*
FROM unnest(%(states)s::smallint[]) AS s (state)
CROSS JOIN unnest(%(channels)s::smallint[]) AS h (channel)
CROSS JOIN LATERAL (
    SELECT l.settled_at, l.state, l.contact_id, l.campaign_id, l.message_id, l.channel, l.address, l.reason
    FROM ledger l
    WHERE l.account_id = %(account_id)s AND l.campaign_id = %(campaign_id)s AND l.state = s.state
        AND l.channel = h.channel AND l.settled_at >= %(since)s AND l.settled_at < %(until)s
        AND (l.settled_at, l.message_id) < (%(at)s, %(message_id)s)
    ORDER BY l.settled_at DESC, l.message_id DESC LIMIT %(limit)s
) AS found
ORDER BY found.settled_at DESC, found.message_id DESC LIMIT %(limit)s;

-- name: activity_of_contacts
-- Index: activity_contact of each month, merged.
SELECT found.*
FROM unnest(%(contact_ids)s::bigint[], %(buckets)s::smallint[]) AS wanted (contact_id, bucket)
CROSS JOIN LATERAL (
    SELECT a.occurred_at, a.activity_id, a.kind, a.class, a.contact_id, a.campaign_id, a.message_id, a.channel, a.link,
        a.ip, a.user_agent, a.detail
    FROM activity a
    WHERE a.account_id = %(account_id)s AND a.bucket = wanted.bucket AND a.contact_id = wanted.contact_id
        AND a.occurred_at >= %(since)s AND a.occurred_at < %(until)s
        AND (a.occurred_at, a.activity_id) < (%(at)s, %(activity_id)s)
        AND a.kind = ANY (%(kinds)s::smallint[]) AND a.channel = ANY (%(channels)s::smallint[])
        AND a.class = ANY (%(classes)s::smallint[])
        AND (%(campaign_id)s::bigint IS NULL OR a.campaign_id = %(campaign_id)s)
        AND (%(of_message)s::uuid IS NULL OR a.message_id = %(of_message)s)
    ORDER BY a.occurred_at DESC, a.activity_id DESC LIMIT %(limit)s
) AS found
ORDER BY found.occurred_at DESC, found.activity_id DESC LIMIT %(limit)s;

-- name: activity_of_account
-- Index: activity_account of each month, one stretch for each kind, channel and class.
SELECT found.*
FROM unnest(%(kinds)s::smallint[]) AS k (kind)
CROSS JOIN unnest(%(channels)s::smallint[]) AS h (channel)
CROSS JOIN unnest(%(classes)s::smallint[]) AS c (class)
CROSS JOIN LATERAL (
    SELECT a.occurred_at, a.activity_id, a.kind, a.class, a.contact_id, a.campaign_id, a.message_id, a.channel, a.link,
        a.ip, a.user_agent, a.detail
    FROM activity a
    WHERE a.account_id = %(account_id)s AND a.kind = k.kind AND a.channel = h.channel AND a.class = c.class
        AND a.occurred_at >= %(since)s AND a.occurred_at < %(until)s
        AND (a.occurred_at, a.activity_id) < (%(at)s, %(activity_id)s)
    ORDER BY a.occurred_at DESC, a.activity_id DESC LIMIT %(limit)s
) AS found
ORDER BY found.occurred_at DESC, found.activity_id DESC LIMIT %(limit)s;

-- name: activity_of_campaign
-- The same of a campaign. Index: activity_campaign.
SELECT found.*
FROM unnest(%(kinds)s::smallint[]) AS k (kind)
CROSS JOIN unnest(%(channels)s::smallint[]) AS h (channel)
CROSS JOIN unnest(%(classes)s::smallint[]) AS c (class)
CROSS JOIN LATERAL (
    SELECT a.occurred_at, a.activity_id, a.kind, a.class, a.contact_id, a.campaign_id, a.message_id, a.channel, a.link,
        a.ip, a.user_agent, a.detail
    FROM activity a
    WHERE a.account_id = %(account_id)s AND a.campaign_id = %(campaign_id)s AND a.kind = k.kind
        AND a.channel = h.channel AND a.class = c.class
        AND a.occurred_at >= %(since)s AND a.occurred_at < %(until)s
        AND (a.occurred_at, a.activity_id) < (%(at)s, %(activity_id)s)
    ORDER BY a.occurred_at DESC, a.activity_id DESC LIMIT %(limit)s
) AS found
ORDER BY found.occurred_at DESC, found.activity_id DESC LIMIT %(limit)s;

-- name: contact_of_message
-- Whose message this is: from the ledger, or from what was done with it when the ledger's row is gone. Primary keys.
SELECT contact_id FROM ledger
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND message_id = %(message_id)s
UNION ALL
SELECT contact_id FROM engagements
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND message_id = %(message_id)s
LIMIT 1;

-- name: sent_message
-- A message that was handed over. Index: ledger's primary key.
SELECT contact_id, campaign_id, channel, content_id, settled_at FROM ledger
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND message_id = %(message_id)s AND state IN (1, 5)
ORDER BY launched_at DESC LIMIT 1;
