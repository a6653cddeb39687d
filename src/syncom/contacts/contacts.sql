-- name: get_contacts
-- Primary key of contacts.
SELECT c.contact_id, c.email, c.phone, c.external_id, c.contact_key, c.first_name, c.last_name, c.country, c.region,
    c.city, c.address, c.postcode, c.language, c.time_zone, c.fields, c.email_state, c.sms_state, c.push_state,
    c.created_at, c.updated_at
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) WITH ORDINALITY AS k (bucket, contact_id, n)
JOIN contacts c ON c.account_id = %(account_id)s AND c.bucket = k.bucket AND c.contact_id = k.contact_id
ORDER BY k.n

-- name: find_identity
-- Primary key of identities.
SELECT contact_id FROM identities
WHERE account_id = %(account_id)s AND kind = %(kind)s AND value = %(value)s

-- name: find_identities
-- Place of each known value in the question (from 1), and its contact. Primary key of identities.
SELECT k.n, i.contact_id
FROM unnest(%(values)s::text[]) WITH ORDINALITY AS k (value, n)
CROSS JOIN LATERAL (
    SELECT contact_id FROM identities
    WHERE account_id = %(account_id)s AND kind = %(kind)s AND value = k.value LIMIT 1
) AS i

-- name: identities
-- Index identities_contact.
SELECT kind, value FROM identities WHERE account_id = %(account_id)s AND contact_id = %(contact_id)s
ORDER BY kind, value

-- name: email_prefix
-- Ids with the address that matched, in the order of the addresses. Primary key of identities.
SELECT contact_id, value FROM identities
WHERE account_id = %(account_id)s AND kind = 1 AND value >= %(prefix)s AND value < %(prefix)s || U&'\+10FFFF'
    AND value > %(after)s AND starts_with(value, %(prefix)s)
ORDER BY value LIMIT %(limit)s

-- name: newest_contacts
-- Newest first, behind the cursor: the newest of each bucket by the primary key, then the newest of those.
SELECT n.contact_id FROM generate_series(0, 255) AS b (bucket)
CROSS JOIN LATERAL (
    SELECT contact_id FROM contacts
    WHERE account_id = %(account_id)s AND bucket = b.bucket::smallint AND contact_id < %(before)s
    ORDER BY contact_id DESC LIMIT %(limit)s
) AS n
ORDER BY n.contact_id DESC LIMIT %(limit)s

-- name: newest_members
-- The same for one list. Primary key of list_members.
SELECT n.contact_id FROM generate_series(0, 255) AS b (bucket)
CROSS JOIN LATERAL (
    SELECT contact_id FROM list_members
    WHERE account_id = %(account_id)s AND bucket = b.bucket::smallint AND list_id = %(list_id)s
        AND contact_id < %(before)s
    ORDER BY contact_id DESC LIMIT %(limit)s
) AS n
ORDER BY n.contact_id DESC LIMIT %(limit)s

-- name: release_further
DELETE FROM identities
WHERE account_id = %(account_id)s AND kind = %(kind)s AND value = %(value)s AND contact_id = %(contact_id)s
RETURNING 1

-- name: lineage
-- The contacts merged into these ones. Index merged_contacts_into.
SELECT m.contact_id FROM merged_contacts m
WHERE m.account_id = %(account_id)s AND m.into_contact_id = ANY (%(contact_ids)s::bigint[])

-- name: delete_contacts
-- Ids that existed.
DELETE FROM contacts c
USING unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
WHERE c.account_id = %(account_id)s AND c.bucket = k.bucket AND c.contact_id = k.contact_id
RETURNING c.contact_id

-- name: delete_identities
DELETE FROM identities WHERE account_id = %(account_id)s AND contact_id = ANY (%(contact_ids)s::bigint[])

-- name: delete_owned
-- From a table that is keyed, or indexed, by contact: its primary key, or its index of contacts.
DELETE FROM {table} t
USING unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
WHERE t.account_id = %(account_id)s AND t.bucket = k.bucket AND t.contact_id = k.contact_id

-- name: delete_tokens
-- Few rows that live an hour.
DELETE FROM contact_tokens WHERE account_id = %(account_id)s AND contact_id = ANY (%(contact_ids)s::bigint[])

-- name: delete_order_identities
-- Index: order_identities_contact.
DELETE FROM order_identities WHERE account_id = %(account_id)s AND contact_id = ANY (%(contact_ids)s::bigint[])

-- name: delete_carts
-- Index: carts_contact.
DELETE FROM carts WHERE account_id = %(account_id)s AND contact_id = ANY (%(contact_ids)s::bigint[])

-- name: delete_visitors
-- Index: site_visitors_contact.
DELETE FROM site_visitors WHERE account_id = %(account_id)s AND contact_id = ANY (%(contact_ids)s::bigint[])

-- name: delete_engagements
-- Through the contact's messages in the ledger: engagements have no index by contact. Where the ledger was not kept, through
-- the contact's bucket. In the rollups their domain becomes an unknown one.
WITH theirs AS (
    SELECT l.bucket, l.message_id
    FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
    JOIN ledger l ON l.account_id = %(account_id)s AND l.bucket = k.bucket AND l.contact_id = k.contact_id
    UNION
    SELECT e.bucket, e.message_id
    FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
    JOIN engagements e ON e.account_id = %(account_id)s AND e.bucket = k.bucket AND e.contact_id = k.contact_id
    WHERE EXISTS (SELECT FROM accounts a WHERE a.account_id = %(account_id)s AND a.ledger_kept_from IS NOT NULL)
), gone AS (
    DELETE FROM engagements g USING theirs t
    WHERE g.account_id = %(account_id)s AND g.bucket = t.bucket AND g.message_id = t.message_id
    RETURNING g.campaign_id, g.domain, g.first_open_at, g.first_click_at, g.delivered_at, g.bounced_at,
        g.unsubscribed_at, g.complained_at, g.closed_at
)
INSERT INTO activity_rollups AS known (account_id, dimension, campaign_id, hour, value, kind, shard, count)
SELECT %(account_id)s, 1, whole.campaign_id, date_bin('1 day', first.at, 'epoch'), moved.value, first.kind, -2,
    sum(moved.change)
FROM gone, LATERAL (VALUES (-1), (gone.campaign_id)) AS whole (campaign_id),
    LATERAL (VALUES (43, first_open_at), (44, first_click_at), (11, delivered_at), (12, bounced_at),
        (15, unsubscribed_at), (16, complained_at), (18, closed_at)) AS first (kind, at),
    LATERAL (VALUES (domain, -1), ('', 1)) AS moved (value, change)
WHERE domain <> '' AND first.at IS NOT NULL
GROUP BY 3, 4, 5, 6
ORDER BY 3, 4, 5, 6
ON CONFLICT (account_id, dimension, campaign_id, hour, value, kind, shard)
DO UPDATE SET count = known.count + excluded.count

-- name: forget_in_ledger
-- The row and its counts stay, the person goes: the address, and the server's words where they may quote it. In the
-- rollups by domain the message counts under an unknown one.
WITH known AS MATERIALIZED (
    SELECT l.bucket, l.message_id, l.launched_at, l.campaign_id, l.channel, l.state, l.attempts, l.settled_at,
        split_part(l.address, '@', 2) AS domain
    FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
    JOIN ledger l ON l.account_id = %(account_id)s AND l.bucket = k.bucket AND l.contact_id = k.contact_id
    FOR UPDATE OF l
), forgotten AS (
    UPDATE ledger l SET address = '', reason = CASE WHEN position('@' IN reason) > 0 THEN '' ELSE reason END
    FROM known k
    WHERE l.account_id = %(account_id)s AND l.bucket = k.bucket AND l.message_id = k.message_id
        AND l.launched_at = k.launched_at
)
INSERT INTO activity_rollups AS known (account_id, dimension, campaign_id, hour, value, kind, shard, count)
SELECT %(account_id)s, 1, whole.campaign_id, date_bin('1 day', settled_at, 'epoch'), moved.value, kind.kind, -2,
    sum(moved.change)
FROM known k, LATERAL (VALUES (-1), (k.campaign_id)) AS whole (campaign_id),
    LATERAL (VALUES (state, true), (6, attempts > 1)) AS kind (kind, holds),
    LATERAL (VALUES (domain, -1), ('', 1)) AS moved (value, change)
WHERE domain <> '' AND channel = 1 AND state IN (1, 2, 5) AND kind.holds
GROUP BY 3, 4, 5, 6
ORDER BY 3, 4, 5, 6
ON CONFLICT (account_id, dimension, campaign_id, hour, value, kind, shard)
DO UPDATE SET count = known.count + excluded.count

-- name: forget_in_activity
-- As in the ledger.
UPDATE activity a SET ip = NULL, user_agent = NULL,
    detail = CASE WHEN position('@' IN detail) > 0 THEN NULL ELSE detail END
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
WHERE a.account_id = %(account_id)s AND a.bucket = k.bucket AND a.contact_id = k.contact_id

-- name: forget_in_queue
-- Messages that wait are settled as those of a deleted contact; the address and the data go now. The queue is short.
UPDATE messages SET address = '', params = '{}', last_reply = ''
WHERE account_id = %(account_id)s AND contact_id = ANY (%(contact_ids)s::bigint[])

-- name: delete_short_links
-- Through the contact's messages: links have no index by contact.
DELETE FROM short_links s
USING ledger l JOIN unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
    ON l.account_id = %(account_id)s AND l.bucket = k.bucket AND l.contact_id = k.contact_id
WHERE s.account_id = %(account_id)s AND s.message_id = l.message_id AND s.targets <> '{}'

-- name: hold_counting
-- Waits for the counts of hits under way, and makes new ones wait until this transaction ends.
SELECT pg_advisory_xact_lock(%(lock)s)

-- name: add_erased
INSERT INTO erased_contacts (account_id, bucket, contact_id)
SELECT %(account_id)s, k.bucket, k.contact_id
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
ON CONFLICT DO NOTHING

-- name: merged_into
-- The contacts that these were merged into. Primary key of merged_contacts.
SELECT m.contact_id, m.into_contact_id
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
JOIN merged_contacts m ON m.account_id = %(account_id)s AND m.bucket = k.bucket AND m.contact_id = k.contact_id

-- name: delete_merged
DELETE FROM merged_contacts
WHERE account_id = %(account_id)s AND into_contact_id = ANY (%(contact_ids)s::bigint[])

-- name: lock_contact
-- States of one contact, which stays as it is until the transaction ends.
SELECT email_state, sms_state, push_state FROM contacts
WHERE account_id = %(account_id)s AND bucket = %(bucket)s AND contact_id = %(contact_id)s
FOR UPDATE

-- name: merge_contacts
-- The kept contact's blanks are filled from the dropped one. Its own values stay, but for the members in `take` and the fields
-- in `take_fields` (their numbers), of which the dropped one's win if it has any.
UPDATE contacts k SET
    email = CASE WHEN 'email' = ANY (t.take) THEN coalesce(d.email, k.email) ELSE coalesce(k.email, d.email) END,
    phone = CASE WHEN 'phone' = ANY (t.take) THEN coalesce(d.phone, k.phone) ELSE coalesce(k.phone, d.phone) END,
    external_id = coalesce(k.external_id, d.external_id), contact_key = coalesce(k.contact_key, d.contact_key),
    first_name = coalesce(nullif(CASE WHEN 'first_name' = ANY (t.take) THEN d.first_name ELSE k.first_name END, ''), nullif(k.first_name, ''), d.first_name),
    last_name = coalesce(nullif(CASE WHEN 'last_name' = ANY (t.take) THEN d.last_name ELSE k.last_name END, ''), nullif(k.last_name, ''), d.last_name),
    country = coalesce(nullif(CASE WHEN 'country' = ANY (t.take) THEN d.country ELSE k.country END, ''), nullif(k.country, ''), d.country),
    region = coalesce(nullif(CASE WHEN 'region' = ANY (t.take) THEN d.region ELSE k.region END, ''), nullif(k.region, ''), d.region),
    city = coalesce(nullif(CASE WHEN 'city' = ANY (t.take) THEN d.city ELSE k.city END, ''), nullif(k.city, ''), d.city),
    address = coalesce(nullif(CASE WHEN 'address' = ANY (t.take) THEN d.address ELSE k.address END, ''), nullif(k.address, ''), d.address),
    postcode = coalesce(nullif(CASE WHEN 'postcode' = ANY (t.take) THEN d.postcode ELSE k.postcode END, ''), nullif(k.postcode, ''), d.postcode),
    language = coalesce(nullif(CASE WHEN 'language' = ANY (t.take) THEN d.language ELSE k.language END, ''), nullif(k.language, ''), d.language),
    time_zone = coalesce(nullif(CASE WHEN 'time_zone' = ANY (t.take) THEN d.time_zone ELSE k.time_zone END, ''), nullif(k.time_zone, ''), d.time_zone),
    fields = d.fields || k.fields || (
        SELECT coalesce(jsonb_object_agg(f.key, f.value), '{}') FROM jsonb_each(d.fields) AS f
        WHERE f.key = ANY (%(take_fields)s::text[])),
    created_at = least(k.created_at, d.created_at), updated_at = now()
FROM contacts d, (SELECT %(take)s::text[]) AS t (take)
WHERE k.account_id = %(account_id)s AND k.bucket = %(keep_bucket)s AND k.contact_id = %(keep_id)s
    AND d.account_id = %(account_id)s AND d.bucket = %(drop_bucket)s AND d.contact_id = %(drop_id)s

-- name: settle_consents
-- The states after a merge, and an event for each channel in which the two differed: the joined history has to end
-- with the state, whichever of its events came last.
WITH settled AS (
    UPDATE contacts SET email_state = %(email)s, sms_state = %(sms)s, push_state = %(push)s
    WHERE account_id = %(account_id)s AND bucket = %(keep_bucket)s AND contact_id = %(keep_id)s
    RETURNING email_state, sms_state, push_state
)
INSERT INTO consent_events (account_id, bucket, contact_id, channel, state, occurred_at, source, detail)
SELECT %(account_id)s, %(keep_bucket)s, %(keep_id)s, c.channel, c.state, %(occurred_at)s, 'merge',
    jsonb_build_object('merged_from', %(drop_id)s::bigint)
FROM settled s,
    LATERAL (VALUES (1::smallint, s.email_state), (2::smallint, s.sms_state), (3::smallint, s.push_state))
        AS c (channel, state)
WHERE c.channel = ANY (%(channels)s::smallint[])

-- name: hand_over_identities
UPDATE identities SET contact_id = %(keep_id)s
WHERE account_id = %(account_id)s AND contact_id = %(drop_id)s

-- name: hand_over_channels
WITH gone AS (
    DELETE FROM contact_channels
    WHERE account_id = %(account_id)s AND bucket = %(drop_bucket)s AND contact_id = %(drop_id)s
    RETURNING channel, value, data, active, created_at
)
INSERT INTO contact_channels (account_id, bucket, contact_id, channel, value, data, active, created_at)
SELECT %(account_id)s, %(keep_bucket)s, %(keep_id)s, channel, value, data, active, created_at FROM gone
ON CONFLICT DO NOTHING

-- name: hand_over_categories
WITH gone AS (
    DELETE FROM contact_categories
    WHERE account_id = %(account_id)s AND bucket = %(drop_bucket)s AND contact_id = %(drop_id)s
    RETURNING category_id, added_at
)
INSERT INTO contact_categories (account_id, bucket, contact_id, category_id, added_at)
SELECT %(account_id)s, %(keep_bucket)s, %(keep_id)s, category_id, added_at FROM gone
ON CONFLICT DO NOTHING

-- name: hand_over_declined
WITH gone AS (
    DELETE FROM declined_categories
    WHERE account_id = %(account_id)s AND bucket = %(drop_bucket)s AND contact_id = %(drop_id)s
    RETURNING category_id, chosen, declined_at
)
INSERT INTO declined_categories (account_id, bucket, contact_id, category_id, chosen, declined_at)
SELECT %(account_id)s, %(keep_bucket)s, %(keep_id)s, category_id, chosen, declined_at FROM gone
ON CONFLICT DO NOTHING

-- name: drop_declined
-- A no of one of the two wins. Primary keys of contact_categories and declined_categories.
WITH dropped AS (
    DELETE FROM contact_categories k USING declined_categories d
    WHERE k.account_id = %(account_id)s AND k.bucket = %(keep_bucket)s AND k.contact_id = %(keep_id)s
        AND d.account_id = k.account_id AND d.bucket = k.bucket AND d.contact_id = k.contact_id
        AND d.category_id = k.category_id
    RETURNING k.category_id
)
UPDATE declined_categories d SET chosen = true FROM dropped
WHERE d.account_id = %(account_id)s AND d.bucket = %(keep_bucket)s AND d.contact_id = %(keep_id)s
    AND d.category_id = dropped.category_id

-- name: hand_over_lists
WITH gone AS (
    DELETE FROM list_members
    WHERE account_id = %(account_id)s AND bucket = %(drop_bucket)s AND contact_id = %(drop_id)s
    RETURNING list_id, added_at
)
INSERT INTO list_members (account_id, bucket, list_id, contact_id, added_at)
SELECT %(account_id)s, %(keep_bucket)s, list_id, %(keep_id)s, added_at FROM gone ORDER BY list_id
ON CONFLICT DO NOTHING

-- name: keep_links
-- Before their history goes: its links alone, for the roots above them (roots.py). Primary key of consent_events.
INSERT INTO erased_links (account_id, chain, consent_event_id, link, erased)
SELECT e.account_id, e.chain, e.consent_event_id, e.link, e.contact_id
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[]) AS k (bucket, contact_id)
JOIN consent_events e ON e.account_id = %(account_id)s AND e.bucket = k.bucket AND e.contact_id = k.contact_id
WHERE e.link IS NOT NULL
ON CONFLICT DO NOTHING

-- name: hand_over_consent_events
-- They keep their numbers, so the history keeps its order, and their links: their chain is still the dropped contact's.
WITH gone AS (
    DELETE FROM consent_events
    WHERE account_id = %(account_id)s AND bucket = %(drop_bucket)s AND contact_id = %(drop_id)s
    RETURNING consent_event_id, channel, category, state, occurred_at, source, detail, chain, link
)
INSERT INTO consent_events (account_id, bucket, contact_id, consent_event_id, channel, category, state, occurred_at,
    source, detail, chain, link)
SELECT %(account_id)s, %(keep_bucket)s, %(keep_id)s, consent_event_id, channel, category, state, occurred_at, source,
    CASE WHEN chain IS NULL THEN coalesce(detail, '{}') || jsonb_build_object('merged_from', %(drop_id)s::bigint)
        ELSE detail END, chain, coalesce(link, '')
FROM gone

-- name: hand_over_orders
WITH gone AS (
    DELETE FROM orders
    WHERE account_id = %(account_id)s AND bucket = %(drop_bucket)s AND contact_id = %(drop_id)s
    RETURNING external_id, order_id, status, total, refunded, currency, ordered_at, changed_at, items, details,
        created_at
)
INSERT INTO orders (account_id, bucket, contact_id, external_id, order_id, status, total, refunded, currency,
    ordered_at, changed_at, items, details, created_at)
SELECT %(account_id)s, %(keep_bucket)s, %(keep_id)s, external_id, order_id, status, total, refunded, currency,
    ordered_at, changed_at, items, details, created_at
FROM gone
ON CONFLICT DO NOTHING

-- name: hand_over_refunds
WITH gone AS (
    DELETE FROM refunds
    WHERE account_id = %(account_id)s AND bucket = %(drop_bucket)s AND contact_id = %(drop_id)s
    RETURNING order_number, external_id, amount, refunded_at, changed_at, reason, items, created_at
)
INSERT INTO refunds (account_id, bucket, contact_id, order_number, external_id, amount, refunded_at, changed_at, reason,
    items, created_at)
SELECT %(account_id)s, %(keep_bucket)s, %(keep_id)s, order_number, external_id, amount, refunded_at, changed_at, reason,
    items, created_at
FROM gone

-- name: delete_unclaimed_texts
-- Texts that came from their numbers before these contacts were known. Indexes: identities_contact, inbound_texts_phone.
DELETE FROM inbound_texts t USING identities i
WHERE i.account_id = %(account_id)s AND i.contact_id = ANY (%(contact_ids)s::bigint[]) AND i.kind = 2
    AND t.account_id = i.account_id AND t.bucket = 0 AND t.contact_id = 0 AND t.phone = i.value

-- name: hand_over_inbound_texts
-- Index: inbound_texts_contact.
WITH gone AS (
    DELETE FROM inbound_texts
    WHERE account_id = %(account_id)s AND bucket = %(drop_bucket)s AND contact_id = %(drop_id)s
    RETURNING inbound_text_id, sender_id, phone, recipient, text, keyword, is_answered, peer_id, sent_at, received_at
)
INSERT INTO inbound_texts (account_id, bucket, contact_id, inbound_text_id, sender_id, phone, recipient, text, keyword,
    is_answered, peer_id, sent_at, received_at)
SELECT %(account_id)s, %(keep_bucket)s, %(keep_id)s, inbound_text_id, sender_id, phone, recipient, text, keyword,
    is_answered, peer_id, sent_at, received_at
FROM gone

-- name: hand_over_order_identities
-- Index: order_identities_contact.
UPDATE order_identities SET contact_id = %(keep_id)s
WHERE account_id = %(account_id)s AND contact_id = %(drop_id)s

-- name: hand_over_visitors
-- Index: site_visitors_contact.
UPDATE site_visitors SET contact_id = %(keep_id)s
WHERE account_id = %(account_id)s AND contact_id = %(drop_id)s

-- name: hand_over_carts
-- Index: carts_contact.
UPDATE carts SET contact_id = %(keep_id)s WHERE account_id = %(account_id)s AND contact_id = %(drop_id)s

-- name: hand_over_abandoned_carts
WITH gone AS (
    DELETE FROM abandoned_carts
    WHERE account_id = %(account_id)s AND bucket = %(drop_bucket)s AND contact_id = %(drop_id)s
    RETURNING cart, changed_at, abandoned_at, value, currency
)
INSERT INTO abandoned_carts (account_id, bucket, contact_id, cart, changed_at, abandoned_at, value, currency)
SELECT %(account_id)s, %(keep_bucket)s, %(keep_id)s, cart, changed_at, abandoned_at, value, currency FROM gone
ON CONFLICT DO NOTHING

-- name: hand_over_statistics
WITH gone AS (
    DELETE FROM contact_statistics
    WHERE account_id = %(account_id)s AND bucket = %(drop_bucket)s AND contact_id = %(drop_id)s
    RETURNING *
)
INSERT INTO contact_statistics AS s (account_id, bucket, contact_id, sent, opened, clicked, orders, last_sent_at,
    last_open_at, last_click_at, last_order_at, engagement)
SELECT %(account_id)s, %(keep_bucket)s, %(keep_id)s, sent, opened, clicked, orders, last_sent_at, last_open_at,
    last_click_at, last_order_at, engagement
FROM gone
ON CONFLICT (account_id, bucket, contact_id) DO UPDATE SET
    sent = s.sent + excluded.sent, opened = s.opened + excluded.opened, clicked = s.clicked + excluded.clicked,
    orders = s.orders + excluded.orders,
    last_sent_at = greatest(s.last_sent_at, excluded.last_sent_at),
    last_open_at = greatest(s.last_open_at, excluded.last_open_at),
    last_click_at = greatest(s.last_click_at, excluded.last_click_at),
    last_order_at = greatest(s.last_order_at, excluded.last_order_at),
    engagement = s.engagement + excluded.engagement

-- name: look_at_orders_anew
-- What led to the orders of both is looked for among the hits of both (attribution).
INSERT INTO attribution_queue (account_id, contact_id) VALUES (%(account_id)s, %(keep_id)s)

-- name: hand_over_attributions
-- Under the same days and sums: those of the orders, which went along. Index: attributions' primary key.
WITH gone AS (
    DELETE FROM attributions
    WHERE account_id = %(account_id)s AND bucket = %(drop_bucket)s AND contact_id = %(drop_id)s
    RETURNING *
)
INSERT INTO attributions (account_id, bucket, contact_id, order_id, day, currency, gross, refunded, click_at,
    click_message, click_source, click_source_id, open_at, open_message, open_source, open_source_id)
SELECT account_id, %(keep_bucket)s, %(keep_id)s, order_id, day, currency, gross, refunded, click_at, click_message,
    click_source, click_source_id, open_at, open_message, open_source, open_source_id
FROM gone

-- name: shorten_lineage
UPDATE merged_contacts SET into_contact_id = %(keep_id)s
WHERE account_id = %(account_id)s AND into_contact_id = %(drop_id)s

-- name: add_lineage
INSERT INTO merged_contacts (account_id, bucket, contact_id, into_contact_id)
VALUES (%(account_id)s, %(drop_bucket)s, %(drop_id)s, %(keep_id)s)

-- name: timeline
-- Newest first, behind the cursor (a time and a key that is unique in the timeline). Each branch walks its own
-- index (consent_events and list_members: primary key and list_members_contact, a contact has few of them) and
-- stops at the limit; a kind that is not asked for is not walked. `channels` keeps entries of these alone; null: all.
-- `lineage` are the contacts merged into this one, whose facts stay under their own ids.
WITH lineage (bucket, contact_id) AS (
    SELECT * FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[])
)
SELECT e.kind, e.occurred_at, e.key, e.detail FROM (
    (SELECT 'created' AS kind, c.created_at AS occurred_at, 'created' AS key, '{}'::jsonb AS detail
     FROM contacts c
     WHERE c.account_id = %(account_id)s AND c.bucket = %(bucket)s AND c.contact_id = %(contact_id)s
        AND 'created' = ANY (%(kinds)s)
        AND (c.created_at, 'created') < (%(before)s, %(before_key)s))
    UNION ALL
    (SELECT 'consent', x.occurred_at, 'consent:' || x.consent_event_id,
        jsonb_build_object('channel', x.channel, 'category', x.category, 'state', x.state, 'source', x.source,
            'detail', x.detail)
     FROM consent_events x
     WHERE x.account_id = %(account_id)s AND x.bucket = %(bucket)s AND x.contact_id = %(contact_id)s
        AND 'consent' = ANY (%(kinds)s)
        AND (%(channels)s::smallint[] IS NULL OR x.channel = ANY (%(channels)s))
        AND (x.occurred_at, 'consent:' || x.consent_event_id) < (%(before)s, %(before_key)s)
     ORDER BY 2 DESC, 3 DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT 'joined_list', m.added_at, 'joined_list:' || m.list_id,
        jsonb_build_object('list_id', m.list_id,
            'name', (SELECT l.name FROM lists l WHERE l.account_id = m.account_id AND l.list_id = m.list_id))
     FROM list_members m
     WHERE m.account_id = %(account_id)s AND m.bucket = %(bucket)s AND m.contact_id = %(contact_id)s
        AND 'joined_list' = ANY (%(kinds)s)
        AND (m.added_at, 'joined_list:' || m.list_id) < (%(before)s, %(before_key)s)
     ORDER BY 2 DESC, 3 DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT 'order', o.ordered_at, 'order:' || o.external_id,
        jsonb_build_object('external_id', o.external_id, 'status', o.status, 'total', o.total::text,
            'currency', o.currency)
     FROM orders o
     WHERE o.account_id = %(account_id)s AND o.bucket = %(bucket)s AND o.contact_id = %(contact_id)s
        AND 'order' = ANY (%(kinds)s)
        AND o.ordered_at <= %(before)s AND (o.ordered_at, 'order:' || o.external_id) < (%(before)s, %(before_key)s)
     ORDER BY o.ordered_at DESC, 3 DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT f.* FROM lineage g, LATERAL (
        SELECT 'message', l.settled_at, 'message:' || l.message_id,
            jsonb_build_object('message_id', l.message_id, 'campaign_id', l.campaign_id, 'channel', l.channel,
                'state', l.state, 'address', l.address, 'reason', l.reason)
        FROM ledger l
        WHERE l.account_id = %(account_id)s AND l.bucket = g.bucket AND l.contact_id = g.contact_id
            AND 'message' = ANY (%(kinds)s)
            AND (%(channels)s::smallint[] IS NULL OR l.channel = ANY (%(channels)s))
            AND l.settled_at <= %(before)s
            AND (l.settled_at, 'message:' || l.message_id) < (%(before)s, %(before_key)s)
        ORDER BY l.settled_at DESC, 3 DESC LIMIT %(limit)s) AS f)
    UNION ALL
    (SELECT f.* FROM lineage g, LATERAL (
        SELECT 'activity', a.occurred_at, 'activity:' || a.activity_id,
            jsonb_build_object('kind', a.kind, 'class', a.class, 'channel', a.channel, 'campaign_id', a.campaign_id,
                'message_id', a.message_id, 'link', a.link, 'detail', a.detail)
        FROM activity a
        WHERE a.account_id = %(account_id)s AND a.bucket = g.bucket AND a.contact_id = g.contact_id
            AND 'activity' = ANY (%(kinds)s)
            AND (%(channels)s::smallint[] IS NULL OR a.channel = ANY (%(channels)s))
            AND a.occurred_at <= %(before)s
            AND (a.occurred_at, 'activity:' || a.activity_id) < (%(before)s, %(before_key)s)
        ORDER BY a.occurred_at DESC, 3 DESC LIMIT %(limit)s) AS f)
    UNION ALL
    (SELECT f.* FROM lineage g, LATERAL (
        SELECT 'event', v.occurred_at, 'event:' || v.event_id,
            jsonb_build_object('event_id', v.event_id, 'key', v.key, 'params', v.params,
                'type', (SELECT t.key FROM event_types t WHERE t.event_type_id = v.event_type_id))
        FROM events v
        WHERE v.account_id = %(account_id)s AND v.bucket = g.bucket AND v.contact_id = g.contact_id
            AND 'event' = ANY (%(kinds)s)
            AND v.occurred_at <= %(before)s
            AND (v.occurred_at, 'event:' || v.event_id) < (%(before)s, %(before_key)s)
        ORDER BY v.occurred_at DESC, 3 DESC LIMIT %(limit)s) AS f)
) AS e
ORDER BY e.occurred_at DESC, e.key DESC
LIMIT %(limit)s
