-- Each statement answers (account_id, id, state) for everything of its kind in the accounts asked for; a state that
-- differs from the one before means that something changed. `xmin` is the transaction that wrote a row last: no
-- statement that changes one can forget it, and what commits late is seen late.

-- name: account
SELECT account_id, account_id::text AS id, xmin::text AS state FROM accounts WHERE account_id = ANY(%(accounts)s);

-- name: campaign
-- The counters of the last hours are looked at for campaigns of the last weeks only: older ones hardly move.
-- Primary key of campaign_statistics, one probe a campaign.
SELECT c.account_id, c.campaign_id::text AS id, concat_ws(' ', c.xmin, (
    SELECT sum(s.count) FROM campaign_statistics s
    WHERE c.launched_at > now() - interval '30 days' AND s.account_id = c.account_id AND s.campaign_id = c.campaign_id
        AND s.hour >= date_trunc('hour', now() - interval '1 hour')
)) AS state
FROM campaigns c WHERE c.account_id = ANY(%(accounts)s);

-- name: workflow
-- Primary key of workflow_ways, one probe a workflow.
SELECT w.account_id, w.workflow_id::text AS id, concat_ws(' ', w.xmin, (
    SELECT sum(y.contacts) FROM workflow_ways y
    WHERE y.account_id = w.account_id AND y.workflow_id = w.workflow_id AND y.version = w.version
)) AS state
FROM workflows w WHERE w.account_id = ANY(%(accounts)s);

-- name: segment
-- A state is written by every pass that looked, so what it says counts, not that it was written.
SELECT s.account_id, s.segment_id::text AS id, concat_ws(' ', s.xmin, t.members, t.filled, t.problem) AS state
FROM segments s LEFT JOIN segment_states t USING (account_id, segment_id)
WHERE s.account_id = ANY(%(accounts)s) AND NOT s.hidden;

-- name: template
SELECT t.account_id, t.template_id::text AS id, concat_ws(' ', t.xmin, (
    SELECT max(l.updated_at) FROM template_languages l
    WHERE l.account_id = t.account_id AND l.template_id = t.template_id
)) AS state
FROM templates t WHERE t.account_id = ANY(%(accounts)s);

-- name: form
SELECT account_id, form_id::text AS id, xmin::text AS state FROM forms WHERE account_id = ANY(%(accounts)s);

-- name: sender
-- Without its pace, which moves with every mail.
SELECT account_id, sender_id::text AS id,
    concat_ws(' ', name, kind, from_email, from_name, reply_to, config, is_default, paused_until, problem, trouble_since)
        AS state
FROM senders WHERE account_id = ANY(%(accounts)s);

-- name: contact_import
SELECT account_id, import_id::text AS id, concat_ws(' ', state, problem, rows_done, bytes_done, bytes_total) AS state
FROM imports WHERE account_id = ANY(%(accounts)s);

-- name: product_feed
SELECT account_id, feed_id::text AS id,
    concat_ws(' ', name, definition, enabled, last_run_at, last_error, lease_until > now()) AS state
FROM product_feeds WHERE account_id = ANY(%(accounts)s);

-- name: pull
SELECT account_id, pull_id::text AS id,
    concat_ws(' ', name, definition, enabled, last_run_at, last_error, lease_until > now()) AS state
FROM pulls WHERE account_id = ANY(%(accounts)s);

-- name: connection
-- Without when it was used last.
SELECT account_id, connection_id AS id, concat_ws(' ', updated_at, name, state, fault, client_action, archived_at) AS state
FROM connections WHERE account_id = ANY(%(accounts)s);

-- name: inbox
-- Of the installation: account 0. Both ends of the primary key.
SELECT 0::bigint AS account_id, '' AS id, concat_ws(' ', min(inbox_id), max(inbox_id)) AS state FROM inbox_messages
WHERE %(accounts)s::bigint[] IS NOT NULL;
