-- Rollups of the ledger and the activity. Those of hits are written by `count` (activity.sql), in one statement with them.

-- name: add_ended
-- Adds what ended to the rollups, in the transaction that writes the ledger. Ordered, so that writers never deadlock.
WITH ended AS (
    SELECT account_id, campaign_id, channel, hour, state, domain, deferred, count
    FROM unnest(%(account_ids)s::bigint[], %(campaign_ids)s::bigint[], %(channels)s::smallint[],
        %(hours)s::timestamptz[], %(states)s::smallint[], %(domains)s::text[], %(deferreds)s::boolean[],
        %(counts)s::bigint[]) AS row (account_id, campaign_id, channel, hour, state, domain, deferred, count)
), rollup (account_id, dimension, campaign_id, hour, value, kind, count) AS (
    SELECT account_id, 0, whole.campaign_id, hour, channel::text, kind.kind, count
    FROM ended, LATERAL (VALUES (-1), (ended.campaign_id)) AS whole (campaign_id),
        LATERAL (VALUES (state, true), (6, deferred)) AS kind (kind, holds)
    WHERE whole.campaign_id <= 0 AND kind.holds
    UNION ALL
    SELECT account_id, 1, whole.campaign_id, date_bin('1 day', hour, 'epoch'), domain, kind.kind, count
    FROM ended, LATERAL (VALUES (-1), (ended.campaign_id)) AS whole (campaign_id),
        LATERAL (VALUES (state, true), (6, deferred)) AS kind (kind, holds)
    WHERE channel = 1 AND state IN (1, 2, 5) AND kind.holds
)
INSERT INTO activity_rollups AS known (account_id, dimension, campaign_id, hour, value, kind, shard, count)
SELECT account_id, dimension, campaign_id, hour, value, kind, %(shard)s::smallint, sum(count)
FROM rollup
GROUP BY account_id, dimension, campaign_id, hour, value, kind
ORDER BY account_id, dimension, campaign_id, hour, value COLLATE "C", kind
ON CONFLICT (account_id, dimension, campaign_id, hour, value, kind, shard)
DO UPDATE SET count = known.count + excluded.count;

-- name: kept_from
-- The first day whose facts are certainly still there, by what the account keeps; NULL: all are. Primary key of accounts.
SELECT greatest(ledger_kept_from,
    CASE WHEN keep_activity_days > 0 THEN
        date_trunc('month', %(now)s::timestamptz - keep_activity_days * interval '1 day', 'UTC') END,
    CASE WHEN keep_ledger_days > 0 THEN
        date_trunc('month', %(now)s::timestamptz - keep_ledger_days * interval '1 day', 'UTC') END)
FROM accounts WHERE account_id = %(account_id)s;

-- name: prepare_recount
CREATE TEMP TABLE recounted (
    dimension smallint, campaign_id bigint, hour timestamptz, value text COLLATE "C", kind smallint, count bigint
) ON COMMIT DROP;

-- name: forget_recount
DROP TABLE recounted;

-- name: hold_hits
-- Nobody counts hits or erases contacts until the transaction ends, and what was under way is done.
SELECT pg_advisory_xact_lock(%(lock)s);

-- name: hold_ledger
-- Nobody writes the ledger until the transaction ends; it is read as ever.
LOCK TABLE ledger IN SHARE MODE;

-- name: name_domains
-- The domain of messages that were counted before it was kept. Index: activity_time of one day; primary keys.
UPDATE engagements e SET domain = coalesce(split_part(c.email, '@', 2), '')
FROM (
    SELECT DISTINCT a.bucket, a.message_id, coalesce(m.into_contact_id, a.contact_id) AS owner
    FROM activity a
    LEFT JOIN merged_contacts m ON m.account_id = a.account_id AND m.bucket = a.bucket AND m.contact_id = a.contact_id
    WHERE a.account_id = %(account_id)s AND a.occurred_at >= %(since)s AND a.occurred_at < %(until)s AND a.channel = 1
        AND a.kind <= 6
) AS hit
LEFT JOIN contacts c ON c.account_id = %(account_id)s AND c.bucket = (hit.owner & 255)::smallint
    AND c.contact_id = hit.owner
WHERE e.account_id = %(account_id)s AND e.bucket = hit.bucket AND e.message_id = hit.message_id AND e.domain IS NULL;

-- name: recount_hits
-- What the hits of a span of whole days come to. Index: activity_time of these days; engagements' primary key.
--
-- A message is counted at its first open, click and so on: only where it had none before the span. Its engagement knows;
-- of a contact that was erased, whose engagements are gone, the earlier hits do (index activity_contact).
WITH hit AS MATERIALIZED (
    SELECT bucket, contact_id, message_id, campaign_id, channel, kind, class, occurred_at, device, client, os, country
    FROM activity
    WHERE account_id = %(account_id)s AND occurred_at >= %(since)s AND occurred_at < %(until)s AND kind <> 7
), reacted AS (
    SELECT bucket, message_id, min(contact_id) AS contact_id, min(campaign_id) AS campaign_id, min(channel) AS channel,
        min(occurred_at) FILTER (WHERE kind IN (3, 4) AND class = 0) AS opened,
        min(occurred_at) FILTER (WHERE kind = 4 AND class = 0) AS clicked,
        min(occurred_at) FILTER (WHERE kind = 1) AS delivered,
        min(occurred_at) FILTER (WHERE kind = 2) AS bounced,
        min(occurred_at) FILTER (WHERE kind = 5) AS unsubscribed,
        min(occurred_at) FILTER (WHERE kind = 6) AS complained,
        min(occurred_at) FILTER (WHERE kind = 8) AS closed
    FROM hit
    GROUP BY bucket, message_id
), known AS MATERIALIZED (
    SELECT r.*, CASE r.channel WHEN 1 THEN coalesce(e.domain, '') END AS domain,
        coalesce(e.first_open_at, p.opened) AS past_open, coalesce(e.first_click_at, p.clicked) AS past_click,
        coalesce(e.delivered_at, p.delivered) AS past_delivery, coalesce(e.bounced_at, p.bounced) AS past_bounce,
        coalesce(e.unsubscribed_at, p.unsubscribed) AS past_unsubscribed,
        coalesce(e.complained_at, p.complained) AS past_complaint, coalesce(e.closed_at, p.closed) AS past_closing
    FROM reacted r
    LEFT JOIN engagements e ON e.account_id = %(account_id)s AND e.bucket = r.bucket AND e.message_id = r.message_id
    LEFT JOIN LATERAL (
        SELECT min(occurred_at) FILTER (WHERE kind IN (3, 4) AND class = 0) AS opened,
            min(occurred_at) FILTER (WHERE kind = 4 AND class = 0) AS clicked,
            min(occurred_at) FILTER (WHERE kind = 1) AS delivered,
            min(occurred_at) FILTER (WHERE kind = 2) AS bounced,
            min(occurred_at) FILTER (WHERE kind = 5) AS unsubscribed,
            min(occurred_at) FILTER (WHERE kind = 6) AS complained,
            min(occurred_at) FILTER (WHERE kind = 8) AS closed
        FROM activity a
        WHERE a.account_id = %(account_id)s AND a.bucket = r.bucket AND a.contact_id = r.contact_id
            AND a.message_id = r.message_id AND a.occurred_at < %(since)s AND e.message_id IS NULL
    ) AS p ON true
), counted AS MATERIALIZED (
    SELECT campaign_id, channel, NULL AS domain, date_bin('1 hour', occurred_at, 'epoch') AS hour,
        10 + 10 * class + kind AS kind, count(*) AS count
    FROM hit WHERE kind IN (3, 4)
    GROUP BY 1, 2, 3, 4, 5
    UNION ALL
    SELECT campaign_id, channel, domain, date_bin('1 hour', first.at, 'epoch'), first.kind, count(*)
    FROM known,
        LATERAL (VALUES
            (43, opened, past_open), (44, clicked, past_click), (11, delivered, past_delivery),
            (12, bounced, past_bounce), (15, unsubscribed, past_unsubscribed), (16, complained, past_complaint),
            (18, closed, past_closing)
        ) AS first (kind, at, past)
    WHERE first.at IS NOT NULL AND coalesce(first.past >= %(since)s, true)
    GROUP BY 1, 2, 3, 4, 5
), facet AS MATERIALIZED (
    SELECT campaign_id, date_bin('1 day', occurred_at, 'epoch') AS day,
        grouping(client, os, country) / 7 * 2 + grouping(device, os, country) / 7 * 3
            + grouping(device, client, country) / 7 * 4 + grouping(device, client, os) / 7 * 5 AS dimension,
        coalesce(device, client, os, country) AS value, 10 + 10 * class + kind AS kind, count(*) AS count
    FROM hit WHERE kind IN (3, 4)
    GROUP BY 1, 2, 5, GROUPING SETS ((device), (client), (os), (country))
)
INSERT INTO recounted (dimension, campaign_id, hour, value, kind, count)
SELECT 0, -1, hour, channel::text, kind, sum(count) FROM counted GROUP BY 3, 4, 5
UNION ALL
SELECT 0, 0, hour, channel::text, kind, sum(count) FROM counted WHERE campaign_id = 0 GROUP BY 3, 4, 5
UNION ALL
SELECT 1, whole.campaign_id, date_bin('1 day', hour, 'epoch'), domain, kind, sum(count)
FROM counted, LATERAL (VALUES (-1), (counted.campaign_id)) AS whole (campaign_id)
WHERE domain IS NOT NULL
GROUP BY 2, 3, 4, 5
UNION ALL
SELECT dimension, campaign_id, day, value, kind, count FROM facet
UNION ALL
SELECT dimension, -1, day, value, kind, sum(count) FROM facet GROUP BY 1, 3, 4, 5
UNION ALL
-- -1 stands for the campaign's own counters.
SELECT -1, campaign_id, hour, '', kind, sum(count) FROM counted WHERE campaign_id <> 0 GROUP BY 2, 3, 5;

-- name: recount_ended
-- What the ledger's rows of a span of whole days come to. Index: ledger_time.
WITH ended AS MATERIALIZED (
    SELECT campaign_id, channel, date_bin('1 hour', settled_at, 'epoch') AS hour, state,
        CASE WHEN channel = 1 AND state IN (1, 2, 5) THEN split_part(address, '@', 2) END AS domain,
        attempts > 1 AND state IN (1, 2, 5) AS deferred, count(*) AS count
    FROM ledger
    WHERE account_id = %(account_id)s AND settled_at >= %(since)s AND settled_at < %(until)s
    GROUP BY 1, 2, 3, 4, 5, 6
), kind AS MATERIALIZED (
    SELECT campaign_id, channel, hour, domain, kind.kind, count
    FROM ended, LATERAL (VALUES (state, true), (6, deferred)) AS kind (kind, holds)
    WHERE kind.holds
)
INSERT INTO recounted (dimension, campaign_id, hour, value, kind, count)
SELECT 0, -1, hour, channel::text, kind, sum(count) FROM kind GROUP BY 3, 4, 5
UNION ALL
SELECT 0, 0, hour, channel::text, kind, sum(count) FROM kind WHERE campaign_id = 0 GROUP BY 3, 4, 5
UNION ALL
SELECT 1, whole.campaign_id, date_bin('1 day', hour, 'epoch'), domain, kind, sum(count)
FROM kind, LATERAL (VALUES (-1), (kind.campaign_id)) AS whole (campaign_id)
WHERE domain IS NOT NULL
GROUP BY 2, 3, 4, 5
UNION ALL
SELECT -1, campaign_id, hour, '', kind, sum(count) FROM kind WHERE campaign_id <> 0 AND kind < 6 GROUP BY 2, 3, 5;

-- name: differences
-- Rollups of a span of whole days against the recount: those that differ, and how many were looked at. Reads the
-- account's rollups once.
WITH counted AS (
    SELECT dimension, campaign_id, hour, value, kind, sum(count) AS count
    FROM activity_rollups
    WHERE account_id = %(account_id)s AND hour >= %(since)s AND hour < %(until)s
    GROUP BY 1, 2, 3, 4, 5
    UNION ALL
    SELECT -1, campaign_id, hour, '', named.kind, sum(count)
    FROM campaign_statistics s
    JOIN unnest(%(kinds)s::smallint[], %(names)s::text[]) AS named (kind, name) ON named.name = s.kind
    WHERE account_id = %(account_id)s AND hour >= %(since)s AND hour < %(until)s
    GROUP BY 1, 2, 3, 4, 5
), both_sides AS MATERIALIZED (
    SELECT dimension, campaign_id, hour, value, kind, coalesce(c.count, 0)::bigint AS counted,
        coalesce(r.count, 0)::bigint AS recounted
    FROM (SELECT * FROM counted WHERE count <> 0) AS c
    FULL JOIN recounted r USING (dimension, campaign_id, hour, value, kind)
)
SELECT (SELECT count(*) FROM both_sides), d.* FROM (SELECT 1) AS one
LEFT JOIN (
    SELECT * FROM both_sides WHERE counted <> recounted
    ORDER BY dimension, campaign_id, hour, value, kind LIMIT %(limit)s
) AS d ON true;

-- name: replace
-- The recount in the place of what was counted, for these kinds and whole days. Reads the account's rollups once.
WITH gone AS (
    DELETE FROM activity_rollups
    WHERE account_id = %(account_id)s AND hour >= %(since)s AND hour < %(until)s AND kind = ANY (%(kinds)s::smallint[])
        AND shard <> -3
), kept AS (
    DELETE FROM activity_rollups a
    WHERE account_id = %(account_id)s AND hour >= %(since)s AND hour < %(until)s AND kind = ANY (%(kinds)s::smallint[])
        AND shard = -3 AND NOT EXISTS (SELECT FROM recounted r WHERE r.dimension = a.dimension
            AND r.campaign_id = a.campaign_id AND r.hour = a.hour AND r.value = a.value AND r.kind = a.kind)
)
INSERT INTO activity_rollups AS known (account_id, dimension, campaign_id, hour, value, kind, shard, count)
SELECT %(account_id)s, dimension, campaign_id, hour, value, kind, -3, count FROM recounted WHERE dimension >= 0
ON CONFLICT (account_id, dimension, campaign_id, hour, value, kind, shard) DO UPDATE SET count = excluded.count;

-- name: next_rebuild
-- An account with old facts whose rollups are still to be made, while nobody else makes them.
SELECT account_id, next_day, last_day FROM rollup_rebuilds ORDER BY account_id LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: rebuilt
-- The day is done.
UPDATE rollup_rebuilds SET next_day = %(day)s::date + 1 WHERE account_id = %(account_id)s;

-- name: all_rebuilt
DELETE FROM rollup_rebuilds WHERE account_id = %(account_id)s AND next_day > last_day;

-- name: coverage
SELECT next_day, last_day FROM rollup_rebuilds WHERE account_id = %(account_id)s;

-- name: series
-- Counts of an account by hour, day, week or month of a zone, and by channel where one is asked for. Primary key.
SELECT date_trunc(%(span)s, hour AT TIME ZONE %(zone)s) AT TIME ZONE %(zone)s AS start, kind, sum(count)::bigint
FROM activity_rollups
WHERE account_id = %(account_id)s AND dimension = 0 AND campaign_id = %(campaign_id)s
    AND hour >= %(since)s AND hour < %(until)s AND (%(channel)s::text IS NULL OR value = %(channel)s)
GROUP BY 1, 2
HAVING sum(count) <> 0
ORDER BY 1, 2;

-- name: series_of_campaign
-- The same of one campaign; counters by name. Primary key of campaign_statistics.
SELECT date_trunc(%(span)s, hour AT TIME ZONE %(zone)s) AT TIME ZONE %(zone)s AS start, kind, sum(count)::bigint
FROM campaign_statistics
WHERE account_id = %(account_id)s AND campaign_id = %(campaign_id)s AND hour >= %(since)s AND hour < %(until)s
GROUP BY 1, 2
HAVING sum(count) <> 0
ORDER BY 1, 2;

-- name: heat_of_account
-- A counter by weekday (Monday is 1) and hour of a zone, and by channel where one is asked for. Primary key.
SELECT extract(isodow FROM local)::int, extract(hour FROM local)::int, sum(count)::bigint
FROM (
    SELECT hour AT TIME ZONE %(zone)s AS local, count
    FROM activity_rollups
    WHERE account_id = %(account_id)s AND dimension = 0 AND campaign_id = -1
        AND hour >= %(since)s AND hour < %(until)s AND kind = %(kind)s
        AND (%(channel)s::text IS NULL OR value = %(channel)s)
) AS found
GROUP BY 1, 2;

-- name: heat_of_campaign
-- The same of one campaign. Primary key of campaign_statistics.
SELECT extract(isodow FROM local)::int, extract(hour FROM local)::int, sum(count)::bigint
FROM (
    SELECT hour AT TIME ZONE %(zone)s AS local, count
    FROM campaign_statistics
    WHERE account_id = %(account_id)s AND campaign_id = %(campaign_id)s
        AND hour >= %(since)s AND hour < %(until)s AND kind = %(name)s
) AS found
GROUP BY 1, 2;

-- name: values
-- Counts by the values of a dimension, for whole days (UTC). Primary key.
SELECT value, kind, sum(count)::bigint
FROM activity_rollups
WHERE account_id = %(account_id)s AND dimension = %(dimension)s AND campaign_id = %(campaign_id)s
    AND hour >= %(since)s AND hour < %(until)s
GROUP BY 1, 2
HAVING sum(count) <> 0;
