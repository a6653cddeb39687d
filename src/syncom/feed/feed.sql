-- Statements of the feed. A page reads as many rows as it shows of each state and kind, wherever it begins.
--
-- Buckets come as values beside their contacts and messages: an expression in their place is no leakproof function, and
-- under row-level security it would keep the index from being used.

-- name: ledger_of_account
-- Behind a place, oldest first. Index: ledger_account of each month, merged; months that begin later are left out.
SELECT found.*
FROM unnest(%(states)s::smallint[]) AS wanted (state)
CROSS JOIN unnest(%(channels)s::smallint[]) AS through (channel)
CROSS JOIN LATERAL (
    SELECT l.settled_at, l.message_id, l.state, l.contact_id, l.campaign_id, l.content_id, l.channel, l.address,
           l.external_request_id, l.reason
    FROM ledger l
    WHERE l.account_id = %(account_id)s AND l.state = wanted.state AND l.channel = through.channel
      AND l.settled_at >= %(at)s AND l.settled_at < %(until)s AND l.launched_at < %(until)s
      AND (l.settled_at, l.message_id) > (%(at)s, %(message_id)s)
    ORDER BY l.settled_at, l.message_id LIMIT %(limit)s
) AS found
ORDER BY found.settled_at, found.message_id LIMIT %(limit)s;

-- name: ledger_of_contacts
-- The same for some contacts. Index: ledger_contact of each month, merged.
SELECT found.*
FROM unnest(%(contact_ids)s::bigint[], %(buckets)s::smallint[]) AS wanted (contact_id, bucket)
CROSS JOIN LATERAL (
    SELECT l.settled_at, l.message_id, l.state, l.contact_id, l.campaign_id, l.content_id, l.channel, l.address,
           l.external_request_id, l.reason
    FROM ledger l
    WHERE l.account_id = %(account_id)s AND l.bucket = wanted.bucket
      AND l.contact_id = wanted.contact_id AND l.state = ANY (%(states)s::smallint[])
      AND l.settled_at >= %(at)s AND l.settled_at < %(until)s AND l.launched_at < %(until)s
      AND (l.settled_at, l.message_id) > (%(at)s, %(message_id)s)
      AND (%(contents)s::bigint[] IS NULL OR l.content_id = ANY (%(contents)s::bigint[]))
    ORDER BY l.settled_at, l.message_id LIMIT %(limit)s
) AS found
ORDER BY found.settled_at, found.message_id LIMIT %(limit)s;

-- name: ledger_of_contents
-- The same for what was made of some contents. Index: ledger_campaign for campaigns, ledger_single_content for single
-- messages.
SELECT found.*
FROM unnest(%(campaigns)s::bigint[]) AS wanted (campaign_id)
CROSS JOIN unnest(%(states)s::smallint[]) AS kind (state)
CROSS JOIN unnest(%(channels)s::smallint[]) AS through (channel)
CROSS JOIN LATERAL (
    SELECT l.settled_at, l.message_id, l.state, l.contact_id, l.campaign_id, l.content_id, l.channel, l.address,
           l.external_request_id, l.reason
    FROM ledger l
    WHERE l.account_id = %(account_id)s AND l.campaign_id = wanted.campaign_id AND l.state = kind.state
      AND l.channel = through.channel AND l.content_id = ANY (%(contents)s::bigint[])
      AND l.settled_at >= %(at)s AND l.settled_at < %(until)s AND l.launched_at < %(until)s
      AND (l.settled_at, l.message_id) > (%(at)s, %(message_id)s)
    ORDER BY l.settled_at, l.message_id LIMIT %(limit)s
) AS found
UNION ALL
SELECT found.*
FROM unnest(%(contents)s::bigint[]) AS wanted (content_id)
CROSS JOIN LATERAL (
    SELECT l.settled_at, l.message_id, l.state, l.contact_id, l.campaign_id, l.content_id, l.channel, l.address,
           l.external_request_id, l.reason
    FROM ledger l
    WHERE l.account_id = %(account_id)s AND l.content_id = wanted.content_id AND l.campaign_id = 0
      AND l.settled_at >= %(at)s AND l.settled_at < %(until)s AND l.launched_at < %(until)s
      AND l.state = ANY (%(states)s::smallint[]) AND (l.settled_at, l.message_id) > (%(at)s, %(message_id)s)
    ORDER BY l.settled_at, l.message_id LIMIT %(limit)s
) AS found
ORDER BY settled_at, message_id LIMIT %(limit)s;

-- name: activity_of_account
-- Behind a place, oldest first, machines left out. Index: activity_account of each month.
SELECT found.*
FROM unnest(%(kinds)s::smallint[]) AS wanted (kind)
CROSS JOIN unnest(%(channels)s::smallint[]) AS through (channel)
CROSS JOIN (VALUES (0::smallint), (2::smallint)) AS by (class)
CROSS JOIN LATERAL (
    SELECT a.occurred_at, a.message_id, a.activity_id, a.kind, a.class, a.contact_id, a.campaign_id, a.content_id,
           a.channel, a.link, a.detail
    FROM activity a
    WHERE a.account_id = %(account_id)s AND a.kind = wanted.kind AND a.channel = through.channel AND a.class = by.class
      AND a.occurred_at >= %(at)s AND a.occurred_at < %(until)s
      AND (a.occurred_at, a.message_id, a.activity_id) > (%(at)s, %(message_id)s, %(number)s)
    ORDER BY a.occurred_at, a.message_id, a.activity_id LIMIT %(limit)s
) AS found
ORDER BY found.occurred_at, found.message_id, found.activity_id LIMIT %(limit)s;

-- name: activity_of_contacts
-- The same for some contacts. Index: activity_contact of each month.
SELECT found.*
FROM unnest(%(contact_ids)s::bigint[], %(buckets)s::smallint[]) AS wanted (contact_id, bucket)
CROSS JOIN LATERAL (
    SELECT a.occurred_at, a.message_id, a.activity_id, a.kind, a.class, a.contact_id, a.campaign_id, a.content_id,
           a.channel, a.link, a.detail
    FROM activity a
    WHERE a.account_id = %(account_id)s AND a.bucket = wanted.bucket
      AND a.contact_id = wanted.contact_id AND a.kind = ANY (%(kinds)s::smallint[]) AND a.class <> 1
      AND a.occurred_at >= %(at)s AND a.occurred_at < %(until)s
      AND (a.occurred_at, a.message_id, a.activity_id) > (%(at)s, %(message_id)s, %(number)s)
      AND (%(contents)s::bigint[] IS NULL OR a.content_id = ANY (%(contents)s::bigint[]))
    ORDER BY a.occurred_at, a.message_id, a.activity_id LIMIT %(limit)s
) AS found
ORDER BY found.occurred_at, found.message_id, found.activity_id LIMIT %(limit)s;

-- name: activity_of_contents
-- The same for what was made of some contents. Index: activity_campaign for campaigns, activity_single_content for
-- single messages.
SELECT found.*
FROM unnest(%(campaigns)s::bigint[]) AS wanted (campaign_id)
CROSS JOIN unnest(%(kinds)s::smallint[]) AS done (kind)
CROSS JOIN unnest(%(channels)s::smallint[]) AS through (channel)
CROSS JOIN (VALUES (0::smallint), (2::smallint)) AS by (class)
CROSS JOIN LATERAL (
    SELECT a.occurred_at, a.message_id, a.activity_id, a.kind, a.class, a.contact_id, a.campaign_id, a.content_id,
           a.channel, a.link, a.detail
    FROM activity a
    WHERE a.account_id = %(account_id)s AND a.campaign_id = wanted.campaign_id AND a.kind = done.kind
      AND a.channel = through.channel AND a.class = by.class AND a.content_id = ANY (%(contents)s::bigint[])
      AND a.occurred_at >= %(at)s AND a.occurred_at < %(until)s
      AND (a.occurred_at, a.message_id, a.activity_id) > (%(at)s, %(message_id)s, %(number)s)
    ORDER BY a.occurred_at, a.message_id, a.activity_id LIMIT %(limit)s
) AS found
UNION ALL
SELECT found.*
FROM unnest(%(contents)s::bigint[]) AS wanted (content_id)
CROSS JOIN LATERAL (
    SELECT a.occurred_at, a.message_id, a.activity_id, a.kind, a.class, a.contact_id, a.campaign_id, a.content_id,
           a.channel, a.link, a.detail
    FROM activity a
    WHERE a.account_id = %(account_id)s AND a.content_id = wanted.content_id AND a.campaign_id = 0
      AND a.kind = ANY (%(kinds)s::smallint[]) AND a.class <> 1
      AND a.occurred_at >= %(at)s AND a.occurred_at < %(until)s
      AND (a.occurred_at, a.message_id, a.activity_id) > (%(at)s, %(message_id)s, %(number)s)
    ORDER BY a.occurred_at, a.message_id, a.activity_id LIMIT %(limit)s
) AS found
ORDER BY occurred_at, message_id, activity_id LIMIT %(limit)s;

-- name: contents_with_tag
-- Index: contents_tags.
SELECT content_id FROM contents
WHERE tags @> ARRAY[%(tag)s::text] AND tags <> '{}' AND account_id = %(account_id)s;

-- name: campaigns_of_contents
-- Campaigns that were launched before a moment. Index: campaigns_account.
SELECT campaign_id FROM campaigns
WHERE account_id = %(account_id)s AND content_id = ANY (%(contents)s::bigint[]) AND launched_at < %(until)s;

-- name: names_of_contents
SELECT content_id, template_id, name, tags, language, links FROM contents
WHERE account_id = %(account_id)s AND content_id = ANY (%(contents)s::bigint[]);

-- name: names_of_contacts
-- Index: contacts' primary key.
SELECT c.contact_id, c.email, c.phone, c.external_id
FROM unnest(%(contact_ids)s::bigint[], %(buckets)s::smallint[]) AS wanted (contact_id, bucket)
JOIN contacts c ON c.account_id = %(account_id)s AND c.bucket = wanted.bucket AND c.contact_id = wanted.contact_id;

-- name: sent_in_campaigns
-- What the ledger says of campaigns' messages. Index: ledger's primary key, in the campaign's month alone.
SELECT l.message_id, l.content_id, l.address, l.external_request_id
FROM unnest(%(message_ids)s::uuid[], %(buckets)s::smallint[], %(launched_ats)s::timestamptz[])
     AS wanted (message_id, bucket, launched_at)
JOIN ledger l ON l.account_id = %(account_id)s AND l.bucket = wanted.bucket AND l.message_id = wanted.message_id
             AND l.launched_at = wanted.launched_at;

-- name: launches
SELECT campaign_id, launched_at FROM campaigns
WHERE account_id = %(account_id)s AND campaign_id = ANY (%(campaigns)s::bigint[]) AND launched_at IS NOT NULL;

-- name: sent_alone
-- The same of single messages, whose ids say when they were made. Index: ledger's primary key.
SELECT l.message_id, l.content_id, l.address, l.external_request_id
FROM unnest(%(message_ids)s::uuid[], %(buckets)s::smallint[]) AS wanted (message_id, bucket)
JOIN ledger l ON l.account_id = %(account_id)s AND l.bucket = wanted.bucket AND l.message_id = wanted.message_id
WHERE l.launched_at >= %(earliest)s AND l.launched_at < %(latest)s;

-- name: hard_bounced
-- Which of these addresses nothing is sent to any more because they do not exist. Index: suppressions' primary key.
SELECT channel, address FROM suppressions
WHERE account_id = %(account_id)s AND channel = ANY (%(channels)s::smallint[])
  AND address = ANY (%(addresses)s::text[]) AND reason = 'hard bounce';

-- name: messages_of_contacts
-- Messages of some contacts, newest first, with how far each came. Index: ledger_contact; engagements' primary key.
SELECT l.message_id, l.contact_id, l.channel, l.campaign_id, l.content_id, l.settled_at, l.address, l.state,
       c.name, c.template_id, c.compiled ->> 'subject',
       e.first_open_at, e.first_click_at, e.bounced_at, e.unsubscribed_at, e.complained_at
FROM ledger l
LEFT JOIN contents c ON c.account_id = l.account_id AND c.content_id = l.content_id
LEFT JOIN engagements e ON e.account_id = l.account_id AND e.bucket = l.bucket AND e.message_id = l.message_id
WHERE l.account_id = %(account_id)s AND l.bucket = ANY (%(buckets)s::smallint[])
  AND l.contact_id = ANY (%(contact_ids)s::bigint[])
  AND l.settled_at >= %(since)s AND l.settled_at < %(until)s AND l.launched_at < %(until)s
  AND l.state IN (1, 2, 5) AND l.channel = ANY (%(channels)s::smallint[])
ORDER BY l.settled_at DESC, l.message_id DESC
OFFSET %(offset)s LIMIT %(limit)s;
