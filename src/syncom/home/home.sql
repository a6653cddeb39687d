-- name: new_contacts
-- Ages in days of the newest contacts: as many as are counted, and one more that says whether there are more. Index
-- contacts_newest.
SELECT count(*) FILTER (WHERE created_at >= %(week)s), count(*) FILTER (WHERE created_at < %(week)s AND created_at >= %(weeks)s),
    count(*) FILTER (WHERE created_at >= %(month)s), count(*) FILTER (WHERE created_at < %(month)s AND created_at >= %(months)s),
    count(*), min(created_at)
FROM (
    SELECT created_at FROM contacts WHERE account_id = %(account_id)s ORDER BY contact_id DESC LIMIT %(limit)s
) AS newest;

-- name: revenue
-- By day and currency, of the model that the account shows first. Index attribution_totals_day.
SELECT day, currency, sum(gross - refunded) FROM attribution_totals
WHERE account_id = %(account_id)s AND day >= %(since)s AND model = coalesce((
    SELECT CASE model WHEN 'last_click' THEN 1 WHEN 'last_open' THEN 2 ELSE 3 END FROM attribution_settings
    WHERE account_id = %(account_id)s), 1)
GROUP BY day, currency;

-- name: running
-- What is under way, the newest of each kind. Indexes campaigns_account, workflows_account, imports_account,
-- bulk_actions_account: each looks at the newest few hundred.
(SELECT 'campaign', campaign_id, name, state,
     CASE state WHEN 'expanding' THEN expanded_buckets / 256.0 END, coalesce(launched_at, scheduled_at)
 FROM (SELECT * FROM campaigns WHERE account_id = %(account_id)s ORDER BY campaign_id DESC LIMIT 500) AS newest
 WHERE state IN ('scheduled', 'expanding', 'sending', 'paused')
 ORDER BY coalesce(launched_at, scheduled_at) LIMIT %(limit)s)
UNION ALL
(SELECT 'workflow', workflow_id, name, status, NULL, updated_at FROM workflows
 WHERE account_id = %(account_id)s AND status IN ('active', 'paused', 'draining')
 ORDER BY workflow_id DESC LIMIT %(limit)s)
UNION ALL
(SELECT 'import', import_id, file_name, state,
     CASE WHEN bytes_total > 0 THEN least(1, bytes_done::numeric / bytes_total) END, coalesce(started_at, created_at)
 FROM (SELECT * FROM imports WHERE account_id = %(account_id)s ORDER BY import_id DESC LIMIT 100) AS newest
 WHERE state IN ('queued', 'running') LIMIT %(limit)s)
UNION ALL
(SELECT 'bulk_action', action_id, deed ->> 'do', state,
     CASE WHEN total > 0 THEN least(1, looked_at::numeric / total) END, created_at
 FROM (SELECT * FROM bulk_actions WHERE account_id = %(account_id)s ORDER BY action_id DESC LIMIT 100) AS newest
 WHERE state IN ('waiting', 'running', 'undoing') LIMIT %(limit)s);

-- name: concerns
-- What is wrong with things of the account: all small tables, by their indexes of accounts.
(SELECT 'sender', sender_id::text, name, problem, trouble_since FROM senders
 WHERE account_id = %(account_id)s AND problem <> '' ORDER BY sender_id LIMIT %(limit)s)
UNION ALL
(SELECT 'campaign', campaign_id::text, name, problem, coalesce(finished_at, updated_at)
 FROM (SELECT * FROM campaigns WHERE account_id = %(account_id)s ORDER BY campaign_id DESC LIMIT 500) AS newest
 WHERE problem <> '' AND (state = 'paused' OR state = 'failed' AND updated_at > %(recent)s) LIMIT %(limit)s)
UNION ALL
(SELECT 'import', import_id::text, file_name,
     CASE WHEN problem <> '' THEN problem ELSE failed || ' of ' || rows_done || ' rows were refused' END, finished_at
 FROM (SELECT * FROM imports WHERE account_id = %(account_id)s ORDER BY import_id DESC LIMIT 100) AS newest
 WHERE finished_at > %(recent)s AND (state = 'failed' OR failed > 0) LIMIT %(limit)s)
UNION ALL
(SELECT 'workflow', w.workflow_id::text, w.name, 'contacts wait at a step that failed', NULL FROM workflows w
 WHERE w.account_id = %(account_id)s AND w.status IN ('active', 'paused', 'draining') AND EXISTS (
     SELECT FROM enrolments e
     WHERE e.account_id = %(account_id)s AND e.workflow_id = w.workflow_id AND e.state = 4)
 ORDER BY w.workflow_id LIMIT %(limit)s)
UNION ALL
(SELECT 'domain', domain_id::text, domain, problem, checked_at FROM sending_domains
 WHERE account_id = %(account_id)s AND problem <> '' ORDER BY domain_id LIMIT %(limit)s)
UNION ALL
(SELECT 'connection', connection_id, name, coalesce(fault ->> 'message', 'has to be connected again'), updated_at
 FROM connections
 WHERE account_id = %(account_id)s AND archived_at IS NULL AND fault IS NOT NULL ORDER BY connection_id LIMIT %(limit)s)
UNION ALL
(SELECT 'pull', pull_id::text, name, last_error, last_run_at FROM pulls
 WHERE account_id = %(account_id)s AND enabled AND last_error <> '' ORDER BY pull_id LIMIT %(limit)s)
UNION ALL
(SELECT 'product_feed', feed_id::text, name, last_error, last_run_at FROM product_feeds
 WHERE account_id = %(account_id)s AND enabled AND last_error <> '' ORDER BY feed_id LIMIT %(limit)s)
UNION ALL
(SELECT 'bulk_action', action_id::text, deed ->> 'do', problem, finished_at
 FROM (SELECT * FROM bulk_actions WHERE account_id = %(account_id)s ORDER BY action_id DESC LIMIT 100) AS newest
 WHERE state = 'failed' AND finished_at > %(recent)s LIMIT %(limit)s);

-- name: steps
-- What an account has already. Each is the first row of an index of accounts.
SELECT EXISTS (SELECT FROM senders WHERE account_id = %(account_id)s AND kind <> 'inbox'),
    EXISTS (SELECT FROM contacts WHERE account_id = %(account_id)s),
    EXISTS (SELECT FROM templates WHERE account_id = %(account_id)s),
    EXISTS (SELECT FROM campaigns WHERE account_id = %(account_id)s AND launched_at IS NOT NULL),
    EXISTS (SELECT FROM sending_domains WHERE account_id = %(account_id)s AND verified_at IS NOT NULL),
    EXISTS (SELECT FROM segments WHERE account_id = %(account_id)s AND NOT hidden),
    EXISTS (SELECT FROM workflows WHERE account_id = %(account_id)s);
