-- Statements of campaigns: life cycle, freezing the audience, finishing, reports.

-- name: insert
INSERT INTO campaigns (account_id, name, template_id, sender_id, audience, channel, from_name, track_links, alternatives)
VALUES (%(account_id)s, %(name)s, %(template_id)s, %(sender_id)s, %(audience)s, %(channel)s, %(from_name)s,
        %(track_links)s, %(alternatives)s)
RETURNING *;

-- name: update
-- Only a draft may change: anything later has been promised to somebody.
UPDATE campaigns SET name = %(name)s, template_id = %(template_id)s, sender_id = %(sender_id)s,
                     audience = %(audience)s, channel = %(channel)s, from_name = %(from_name)s,
                     track_links = %(track_links)s, alternatives = %(alternatives)s, updated_at = now()
WHERE account_id = %(account_id)s AND campaign_id = %(campaign_id)s AND state IN ('draft', 'scheduled')
RETURNING *;

-- name: get
SELECT * FROM campaigns WHERE account_id = %(account_id)s AND campaign_id = %(campaign_id)s;

-- name: many
-- Index: the primary key.
SELECT * FROM campaigns WHERE account_id = %(account_id)s AND campaign_id = ANY(%(campaign_ids)s::bigint[]);

-- name: page
-- Newest first, before a campaign id; with states, only those in one of them; with words, only those that have them in their
-- name. Index: campaigns_account.
SELECT * FROM campaigns WHERE account_id = %(account_id)s AND campaign_id < %(before)s
  AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s::text[]))
  AND (%(words)s = '' OR strpos(lower(name), lower(%(words)s)) > 0)
ORDER BY campaign_id DESC LIMIT %(limit)s;

-- name: planned
-- Those that begin, or began, in a period, in that order. An account has thousands at most. Index: campaigns_account.
SELECT * FROM campaigns
WHERE account_id = %(account_id)s AND coalesce(launched_at, scheduled_at) >= %(since)s
    AND coalesce(launched_at, scheduled_at) < %(until)s
ORDER BY coalesce(launched_at, scheduled_at), campaign_id LIMIT %(limit)s;

-- name: reasons
-- Why recipients did not get it, the commonest first. Index ledger_campaign.
SELECT state, reason, count(*) FROM ledger
WHERE account_id = %(account_id)s AND campaign_id = %(campaign_id)s AND state <> 1 AND launched_at = %(launched_at)s
GROUP BY state, reason ORDER BY count(*) DESC, state, reason LIMIT %(limit)s;

-- name: link_people
-- How many people clicked each link. Index activity_campaign.
SELECT link, count(DISTINCT contact_id) FROM activity
WHERE account_id = %(account_id)s AND campaign_id = %(campaign_id)s AND kind = 4 AND class = 0 AND link >= 0
GROUP BY link;

-- name: part
-- Newest first, from a place in the list. Index: campaigns_account.
SELECT * FROM campaigns WHERE account_id = %(account_id)s
ORDER BY campaign_id DESC OFFSET %(offset)s LIMIT %(limit)s;

-- name: count
SELECT count(*) FROM campaigns WHERE account_id = %(account_id)s;

-- name: delete
DELETE FROM campaigns WHERE account_id = %(account_id)s AND campaign_id = %(campaign_id)s AND state = 'draft';

-- name: undecided
-- Those whose audience is not frozen yet. Index: campaigns_account.
SELECT name, audience FROM campaigns
WHERE account_id = %(account_id)s AND expanded_buckets < 256 AND state IN ('draft', 'scheduled', 'expanding', 'paused')
ORDER BY campaign_id;

-- name: move
-- From one of the allowed states to the next; no row: it was in another state.
UPDATE campaigns
SET state = %(state)s, updated_at = now(), problem = '',
    scheduled_at = coalesce(%(scheduled_at)s, scheduled_at),
    local_at = CASE WHEN %(scheduled_at)s::timestamptz IS NULL THEN local_at ELSE %(local_at)s END,
    late = coalesce(%(late)s, late),
    finished_at = CASE WHEN %(state)s IN ('cancelled', 'finished') THEN now() END
WHERE account_id = %(account_id)s AND campaign_id = %(campaign_id)s AND state = ANY(%(allowed)s)
RETURNING *;

-- name: meant
-- An expression: the keys of the categories that an {audience} of an {account}'s {template} is for, as a JSON array. Who says
-- nothing of categories means those of the template. The one rule for what is shown and what is frozen. Primary key of templates.
CASE WHEN jsonb_array_length(coalesce(nullif({audience} -> 'categories', 'null'), '[]')) > 0 THEN {audience} -> 'categories'
     ELSE coalesce((SELECT to_jsonb(t.categories) FROM templates t
                    WHERE t.account_id = {account} AND t.template_id = {template}), '[]') END;

-- name: meant_by
-- What an audience would be for if the campaign started now.
SELECT {meant};

-- name: launch
-- Freezes content and sender, and hands the campaign to the expansion. Who starts it before its time wants it sent now.
UPDATE campaigns
SET state = 'expanding', local_at = CASE WHEN scheduled_at <= now() THEN local_at END, content_id = %(content_id)s, content_languages = %(languages)s, sender_id = %(sender_id)s,
    alternatives = %(alternatives)s, launched_at = now(),
    audience = audience || jsonb_build_object('categories', {meant}),
    updated_at = now(), problem = ''
WHERE account_id = %(account_id)s AND campaign_id = %(campaign_id)s AND state IN ('draft', 'scheduled')
RETURNING *;

-- name: insert_launched
-- A message that came with the request to send it: there is no template and no draft.
INSERT INTO campaigns (account_id, name, template_id, sender_id, audience, channel, content_id, state, launched_at)
VALUES (%(account_id)s, %(name)s, 0, %(sender_id)s, %(audience)s, %(channel)s, %(content_id)s, 'expanding', now())
RETURNING *;

-- name: call_outs
-- Campaigns of a channel that were started, newest first, with their counters; what receipts say did not arrive has failed. Index: campaigns_account, and the primary
-- key of campaign_statistics.
SELECT c.name, c.audience, c.launched_at, coalesce(s.sent, 0) - coalesce(s.bounced, 0),
       coalesce(s.failed, 0) + coalesce(s.bounced, 0), coalesce(s.uncertain, 0)
FROM (
    SELECT * FROM campaigns
    WHERE account_id = %(account_id)s AND channel = %(channel)s AND launched_at IS NOT NULL
    ORDER BY campaign_id DESC OFFSET %(skip)s LIMIT %(limit)s
) AS c
CROSS JOIN LATERAL (
    SELECT sum(count) FILTER (WHERE kind = 'sent')::bigint AS sent,
           sum(count) FILTER (WHERE kind = 'failed')::bigint AS failed,
           sum(count) FILTER (WHERE kind = 'bounced')::bigint AS bounced,
           sum(count) FILTER (WHERE kind = 'uncertain')::bigint AS uncertain
    FROM campaign_statistics
    WHERE account_id = %(account_id)s AND campaign_id = c.campaign_id AND kind IN ('sent', 'failed', 'bounced', 'uncertain')
) AS s
ORDER BY c.campaign_id DESC;

-- name: count_call_outs
SELECT count(*) FROM campaigns
WHERE account_id = %(account_id)s AND channel = %(channel)s AND launched_at IS NOT NULL;

-- name: resume
-- Back to where it was: still expanding, or sending.
UPDATE campaigns
SET state = CASE WHEN expanded_buckets < 256 THEN 'expanding' ELSE 'sending' END, updated_at = now(), problem = '',
    self_paused = false, resume_note = CASE WHEN self_paused THEN %(note)s ELSE resume_note END
WHERE account_id = %(account_id)s AND campaign_id = %(campaign_id)s AND state = 'paused'
RETURNING *;

-- name: guarded
-- Campaigns under way that limits hold for, with what became of their messages. Indexes: campaigns_active; primary key of
-- campaign_statistics, one short range each.
SELECT c.account_id, c.campaign_id, c.launched_at, coalesce(s.sent, 0) AS sent, coalesce(s.refused, 0) AS refused,
       coalesce(s.bounced, 0) AS bounced, coalesce(s.complained, 0) AS complained, coalesce(s.blocked, 0) AS blocked
FROM campaigns c
CROSS JOIN LATERAL (
    SELECT sum(count) FILTER (WHERE kind = 'sent')::bigint AS sent,
           sum(count) FILTER (WHERE kind = 'refused')::bigint AS refused,
           sum(count) FILTER (WHERE kind = 'bounced')::bigint AS bounced,
           sum(count) FILTER (WHERE kind = 'complained')::bigint AS complained,
           sum(count) FILTER (WHERE kind = 'blocked')::bigint AS blocked
    FROM campaign_statistics
    WHERE account_id = c.account_id AND campaign_id = c.campaign_id
      AND kind IN ('sent', 'refused', 'bounced', 'complained', 'blocked')
) AS s
WHERE c.state IN ('expanding', 'sending') AND c.resume_note = ''
    AND (s.refused > 0 OR s.bounced > 0 OR s.complained > 0 OR s.blocked > 0);

-- name: pause_itself
UPDATE campaigns SET state = 'paused', self_paused = true, problem = %(problem)s, updated_at = now()
WHERE campaign_id = %(campaign_id)s AND state IN ('expanding', 'sending') AND resume_note = '';

-- name: due
-- Scheduled campaigns whose time has come. Index: campaigns_active.
SELECT * FROM campaigns WHERE state = 'scheduled' AND scheduled_at <= now() FOR UPDATE SKIP LOCKED;

-- name: next_to_expand
SELECT * FROM campaigns WHERE state = 'expanding' ORDER BY updated_at LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: fail
UPDATE campaigns SET state = 'failed', problem = %(problem)s, finished_at = now(), updated_at = now()
WHERE campaign_id = %(campaign_id)s;

-- name: judge
-- Everybody the audience names in a range of buckets, with the reason for those who get nothing, and for the others the
-- place of the channel that reaches them (0: the campaign's own; then its alternatives).
-- Serves both the preview and the expansion, so that what was shown is what is sent. The address is as the ledger keeps it;
-- reason and place are made of `unreached` of each channel, what these need is joined behind contacts.
-- Index: the primary keys of contacts, suppressions and whatever the predicate names.
SELECT c.bucket, c.contact_id, c.time_zone, coalesce({kept}, '') AS address, {place} AS place,
       CASE WHEN {excluded} THEN 'excluded by list or segment'
            WHEN cardinality(%(category_ids)s::bigint[]) > 0 AND {refusal} IS NOT NULL THEN {refusal}
            ELSE {reason}
       END AS reason
FROM contacts c
{joined}
WHERE c.account_id = %(account_id)s AND c.bucket >= %(from_bucket)s AND c.bucket < %(to_bucket)s AND {included};

-- name: unreached
-- Why a channel does not reach a contact; NULL: it does. {address} and {state} are the channel's columns of a contact,
-- {agreed} the states of those who want it, {s} its suppression.
CASE WHEN {address} IS NULL THEN {no_address}
     WHEN {state} = 3 THEN 'unsubscribed'
     WHEN {state} <> ALL ({agreed}) THEN 'not confirmed'
     WHEN {s}.reason = 'paused' THEN 'paused'
     WHEN {s}.address IS NOT NULL THEN 'suppressed'
END;

-- name: suppression
LEFT JOIN suppressions {s} ON {s}.account_id = c.account_id AND {s}.channel = {channel} AND {s}.address = {address}
                          AND ({s}.expires_at IS NULL OR {s}.expires_at > now());

-- name: count_audience
SELECT reason, place, count(*) FROM ({judged}) AS judged GROUP BY reason, place;

-- name: expand
-- Freezes a range of buckets: recipients become chunks of 1,000, the others ledger rows with their reason. Zones have the
-- time at which their contacts may get it (NULL: at once), or are too late for it; none are given when all are alike.
-- The message id is the one of ids.campaign_message_id: campaign in the high 48 bits, version 8, contact below.
WITH given AS ({judged}),
judged AS (
    SELECT g.bucket, g.contact_id, g.address, g.place AS way,
           CASE WHEN z.zone IS NULL THEN %(due_at)s::timestamptz ELSE z.due_at END AS due_at,
           coalesce(g.reason, CASE WHEN coalesce(z.is_late, %(is_late)s) THEN 'its time had passed' END) AS reason
    FROM given g
    LEFT JOIN unnest(%(zones)s::text[], %(due_ats)s::timestamptz[], %(are_late)s::boolean[])
        AS z (zone, due_at, is_late) ON z.zone = g.time_zone
),
excluded AS (
    INSERT INTO ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel, state, uncertain,
                        attempts, launched_at, settled_at, address, reason, content_id)
    SELECT %(account_id)s, bucket,
           (lpad(to_hex(%(campaign_id)s::bigint), 12, '0') || '8000'
            || to_hex(contact_id | (-9223372036854775808)))::uuid,
           contact_id, %(campaign_id)s, %(sender_id)s, %(channel)s, 3, false, 0, %(launched_at)s, now(), address, reason,
           %(content_id)s
    FROM judged WHERE reason IS NOT NULL
),
numbered AS (
    SELECT contact_id, due_at, way,
           (row_number() OVER (PARTITION BY way, due_at ORDER BY bucket, contact_id) - 1) / %(chunk)s AS place
    FROM judged WHERE reason IS NULL
),
chunks AS (
    INSERT INTO campaign_chunks (campaign_id, chunk_no, account_id, channel, sender_id, group_id, contact_ids, size, due_at)
    SELECT %(campaign_id)s, %(from_bucket)s * 100000 + row_number() OVER (ORDER BY due_at, way, place) - 1, %(account_id)s,
           (%(channels)s::smallint[])[way + 1], (%(sender_ids)s::bigint[])[way + 1],
           coalesce((SELECT sender_id FROM senders
                     WHERE sender_id = (%(sender_ids)s::bigint[])[way + 1] AND kind = 'group'), 0),
           array_agg(contact_id ORDER BY contact_id & 255, contact_id), count(*), due_at
    FROM numbered GROUP BY due_at, way, place
)
SELECT reason, date_bin('1 hour', now(), 'epoch'), count(*) FROM judged GROUP BY reason;

-- name: expanded
UPDATE campaigns
SET expanded_buckets = %(to_bucket)s, audience_size = audience_size + %(matched)s, updated_at = now(),
    state = CASE WHEN %(to_bucket)s >= 256 THEN 'sending' ELSE state END
WHERE campaign_id = %(campaign_id)s;

-- name: count_kinds
-- The keeper of campaigns writes shard -1, which no sending process uses.
INSERT INTO campaign_statistics AS s (account_id, campaign_id, hour, kind, shard, count)
SELECT %(account_id)s, %(campaign_id)s, hour, kind, -1, count
FROM unnest(%(hours)s::timestamptz[], %(kinds)s::text[], %(counts)s::bigint[]) AS row (hour, kind, count)
ORDER BY hour, kind
ON CONFLICT (account_id, campaign_id, hour, kind, shard) DO UPDATE SET count = s.count + excluded.count;

-- name: to_finish
-- A campaign with nothing left in the queue.
SELECT * FROM campaigns c
WHERE c.state = 'sending'
  AND NOT EXISTS (SELECT FROM campaign_chunks k WHERE k.campaign_id = c.campaign_id)
  AND NOT EXISTS (SELECT FROM messages m WHERE m.campaign_id = c.campaign_id AND m.campaign_id <> 0)
LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: finish
-- The promise of the ledger, enforced: finished only when its rows are the audience. Index: ledger's primary key,
-- one range for each bucket.
UPDATE campaigns SET state = 'finished', finished_at = now(), updated_at = now()
WHERE campaign_id = %(campaign_id)s AND audience_size = %(settled)s
RETURNING campaign_id;

-- name: count_ledger
SELECT sum(found.count)::bigint
FROM generate_series(0, 255) AS b (bucket)
CROSS JOIN LATERAL (
    SELECT count(*) FROM ledger l
    WHERE l.account_id = %(account_id)s AND l.bucket = b.bucket::smallint AND l.launched_at = %(launched_at)s
      AND l.message_id BETWEEN %(first)s AND %(last)s
) AS found;

-- name: cancel_chunks
-- What a cancelled campaign will not send any more, once no process holds it. Rows as activity.rollups.model.Ended, with
-- their number.
WITH gone AS (
    DELETE FROM campaign_chunks k USING campaigns c
    WHERE c.campaign_id = k.campaign_id AND c.state = 'cancelled' AND k.worker_id IS NULL
    RETURNING k.campaign_id, k.account_id, k.sender_id, k.contact_ids, coalesce(nullif(k.channel, 0), c.channel) AS channel,
              c.launched_at, CASE k.channel WHEN 0 THEN c.content_id ELSE (
                  SELECT (way ->> 'content_id')::bigint FROM jsonb_array_elements(c.alternatives) AS ways (way)
                  WHERE (way ->> 'channel')::smallint = k.channel) END AS content_id
),
people AS (
    SELECT gone.*, ids.contact_id FROM gone CROSS JOIN LATERAL unnest(gone.contact_ids) AS ids (contact_id)
),
released AS (
    -- Places within caps, of those who had been read and were not sent yet.
    UPDATE message_claims f SET claims = f.claims - g.message_ids
    FROM (
        SELECT p.account_id, p.contact_id, array_agg((lpad(to_hex(p.campaign_id), 12, '0') || '8000'
               || to_hex(p.contact_id | (-9223372036854775808)))::uuid::text) AS message_ids
        FROM people p JOIN sending_policies s ON s.account_id = p.account_id AND s.counting_since IS NOT NULL
        GROUP BY p.account_id, p.contact_id
    ) AS g
    WHERE f.account_id = g.account_id AND f.bucket = (g.contact_id & 255)::smallint AND f.contact_id = g.contact_id
),
written AS (
    INSERT INTO ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel, state, uncertain,
                        attempts, launched_at, settled_at, address, reason, content_id)
    SELECT p.account_id, (p.contact_id & 255)::smallint,
           (lpad(to_hex(p.campaign_id), 12, '0') || '8000' || to_hex(p.contact_id | (-9223372036854775808)))::uuid,
           p.contact_id, p.campaign_id, p.sender_id, p.channel, 4, false, 0, p.launched_at, now(),
           coalesce(CASE p.channel WHEN 1 THEN c.email WHEN 3 THEN NULL ELSE c.phone END, ''), 'the campaign was cancelled', coalesce(p.content_id, 0)
    FROM people p
    LEFT JOIN contacts c ON c.account_id = p.account_id AND c.bucket = (p.contact_id & 255)::smallint
                        AND c.contact_id = p.contact_id
    WHERE NOT EXISTS (SELECT FROM messages m WHERE m.message_id =
           (lpad(to_hex(p.campaign_id), 12, '0') || '8000' || to_hex(p.contact_id | (-9223372036854775808)))::uuid)
    ON CONFLICT DO NOTHING
    RETURNING account_id, campaign_id, channel, settled_at
)
SELECT account_id, campaign_id, channel, date_bin('1 hour', settled_at, 'epoch'), 4, '', false, count(*)
FROM written GROUP BY 1, 2, 3, 4;

-- name: cancel_messages
-- The same for those in the retry lane.
WITH gone AS (
    DELETE FROM messages m USING campaigns c
    WHERE m.campaign_id <> 0 AND c.campaign_id = m.campaign_id AND c.state = 'cancelled' AND m.worker_id IS NULL
    RETURNING m.*, c.launched_at
),
released AS (
    UPDATE message_claims f SET claims = f.claims - g.message_ids
    FROM (SELECT account_id, contact_id, array_agg(message_id::text) AS message_ids FROM gone GROUP BY 1, 2) AS g
    WHERE f.account_id = g.account_id AND f.bucket = (g.contact_id & 255)::smallint AND f.contact_id = g.contact_id
),
written AS (
    INSERT INTO ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel, state, uncertain,
                        attempts, launched_at, settled_at, address, reason, content_id)
    SELECT account_id, (contact_id & 255)::smallint, message_id, contact_id, campaign_id, sender_id, channel, 4, uncertain,
           attempt, launched_at, now(), address, 'the campaign was cancelled; last answer: ' || last_reply, content_id
    FROM gone
    ON CONFLICT DO NOTHING
    RETURNING account_id, campaign_id, channel, settled_at
)
SELECT account_id, campaign_id, channel, date_bin('1 hour', settled_at, 'epoch'), 4, '', false, count(*)
FROM written GROUP BY 1, 2, 3, 4;

-- name: retry_failed
-- Failed recipients go to the retry lane; they leave the ledger until they have a new end. Index: ledger_campaign. Rows as
-- activity.rollups.model.Ended, with how many left.
WITH again AS (
    DELETE FROM ledger l
    WHERE l.account_id = %(account_id)s AND l.campaign_id = %(campaign_id)s AND l.launched_at = %(launched_at)s
      AND l.state = 2 AND l.address <> ''
      AND NOT EXISTS (SELECT FROM suppressions s WHERE s.account_id = l.account_id
                      AND s.channel = CASE l.channel WHEN 5 THEN 2 ELSE l.channel END
                      AND s.address = l.address)
    RETURNING l.message_id, l.account_id, l.contact_id, l.channel, l.campaign_id, l.sender_id, l.address, l.uncertain,
              l.attempts, l.reason, l.settled_at
), queued AS (
    -- Those of a group lie with nobody at first; whoever sends deals them.
    INSERT INTO messages (message_id, account_id, contact_id, channel, campaign_id, lane, sender_id, group_id, content_id,
                          address, uncertain, attempt, last_reply, deadline)
    SELECT a.message_id, a.account_id, a.contact_id, a.channel, a.campaign_id, 2, coalesce(w.sender_id, %(sender_id)s),
           coalesce((SELECT sender_id FROM senders
                     WHERE sender_id = coalesce(w.sender_id, %(sender_id)s) AND kind = 'group'), 0),
           coalesce(w.content_id, %(content_id)s), a.address, a.uncertain, 0, a.reason, now() + interval '72 hours'
    FROM again a
    LEFT JOIN jsonb_to_recordset(%(alternatives)s) AS w (channel smallint, sender_id bigint, content_id bigint)
        ON w.channel = a.channel
)
SELECT account_id, campaign_id, channel, date_bin('1 hour', settled_at, 'epoch'), 2,
       CASE channel WHEN 1 THEN split_part(address, '@', 2) ELSE '' END, attempts > 1, count(*)
FROM again GROUP BY 1, 2, 3, 4, 6, 7;

-- name: queue
-- Recipients of a campaign that were not tried yet, those to be tried again, and when the next of them may go while all
-- must wait for it.
SELECT k.waiting + m.waiting, m.retrying, nullif(least(k.next_at, m.next_at), '-infinity')
FROM (SELECT coalesce(sum(size - settled), 0)::bigint AS waiting, min(coalesce(due_at, '-infinity')) AS next_at
      FROM campaign_chunks WHERE campaign_id = %(campaign_id)s) AS k,
     (SELECT count(*) FILTER (WHERE attempt = 0) AS waiting, count(*) FILTER (WHERE attempt > 0) AS retrying,
             min(due_at) AS next_at
      FROM messages WHERE campaign_id = %(campaign_id)s AND campaign_id <> 0) AS m;

-- name: ledger_page
-- A campaign's recipients in the order of (bucket, message). With a state, with words of the reason: only
-- those; index ledger_campaign for all but 'sent'. Each bucket is one range of the primary key; a page touches as few of them as it needs.
SELECT found.contact_id, found.message_id::text, found.address, found.state, found.reason, found.attempts,
       found.uncertain, found.settled_at
FROM generate_series(%(bucket)s::int, 255) AS b (bucket)
CROSS JOIN LATERAL (
    SELECT l.* FROM ledger l
    WHERE l.account_id = %(account_id)s AND l.bucket = b.bucket::smallint AND l.launched_at = %(launched_at)s
      AND l.message_id BETWEEN %(first)s AND %(last)s
      AND (b.bucket > %(bucket)s OR l.message_id > %(after)s)
      AND (%(state)s::smallint IS NULL OR l.state = %(state)s)
      AND (%(reason)s = '' OR strpos(lower(l.reason), lower(%(reason)s)) > 0)
    ORDER BY l.message_id LIMIT %(limit)s
) AS found
LIMIT %(limit)s;
