-- Statements about master keys. Sealed values begin with the eight bytes of their key's id (security.py).
-- Each table with sealed values has three: how many by key, the next ones that are not of the current key, and the
-- update of one, which does nothing when somebody saved it meanwhile.

-- name: look
SELECT pg_advisory_xact_lock_shared(%(lock)s::bigint);

-- name: change
SELECT pg_advisory_xact_lock(%(lock)s::bigint);

-- name: known
SELECT key_id, proof, made_at FROM installation_keys ORDER BY made_at;

-- name: note
INSERT INTO installation_keys (key_id, proof) VALUES (%(key_id)s, %(proof)s) ON CONFLICT (key_id) DO NOTHING;

-- name: forget
DELETE FROM installation_keys WHERE key_id = %(key_id)s;

-- name: count_connections
SELECT encode(substring(sealed FROM 1 FOR 8), 'hex'), count(*) FROM connection_credentials GROUP BY 1;

-- name: next_connections
SELECT s.connection_id, format('connection:%%s/tenant:%%s/account:%%s', s.connection_id, c.tenant_id, s.account_id), s.sealed
FROM connection_credentials s JOIN connections c USING (connection_id)
WHERE s.connection_id > %(after)s AND substring(s.sealed FROM 1 FOR 8) <> %(prefix)s
ORDER BY s.connection_id LIMIT %(limit)s;

-- name: put_connections
UPDATE connection_credentials SET sealed = %(sealed)s, key_id = %(key_id)s
WHERE connection_id = %(ident)s AND sealed = %(before)s;

-- name: count_integrations
SELECT encode(substring(sealed FROM 1 FOR 8), 'hex'), count(*) FROM integrations WHERE sealed IS NOT NULL GROUP BY 1;

-- name: next_integrations
SELECT integration_id, format('integration:%%s/account:%%s', integration_id, account_id), sealed
FROM integrations
WHERE sealed IS NOT NULL AND integration_id > %(after)s AND substring(sealed FROM 1 FOR 8) <> %(prefix)s
ORDER BY integration_id LIMIT %(limit)s;

-- name: put_integrations
UPDATE integrations SET sealed = %(sealed)s, key_id = %(key_id)s WHERE integration_id = %(ident)s AND sealed = %(before)s;

-- name: count_sign_ins
SELECT encode(substring(sealed FROM 1 FOR 8), 'hex'), count(*) FROM oauth_states WHERE used_at IS NULL GROUP BY 1;

-- name: next_sign_ins
SELECT encode(state_hash, 'hex'), format('request:%%s/account:%%s', request_id, account_id), sealed
FROM oauth_states
WHERE used_at IS NULL AND encode(state_hash, 'hex') > %(after)s AND substring(sealed FROM 1 FOR 8) <> %(prefix)s
ORDER BY encode(state_hash, 'hex') LIMIT %(limit)s;

-- name: put_sign_ins
UPDATE oauth_states SET sealed = %(sealed)s, key_id = %(key_id)s
WHERE state_hash = decode(%(ident)s, 'hex') AND sealed = %(before)s;

-- name: count_workspaces
SELECT encode(substring(secret FROM 1 FOR 8), 'hex'), count(*) FROM workspaces GROUP BY 1;

-- name: next_workspaces
SELECT lpad(account_id::text, 20, '0'), format('workspace:%%s', account_id), secret
FROM workspaces
WHERE lpad(account_id::text, 20, '0') > %(after)s AND substring(secret FROM 1 FOR 8) <> %(prefix)s
ORDER BY 1 LIMIT %(limit)s;

-- name: put_workspaces
UPDATE workspaces SET secret = %(sealed)s WHERE account_id = %(ident)s::bigint AND secret = %(before)s;

-- name: count_senders
SELECT encode(substring(secret FROM 1 FOR 8), 'hex'), count(*) FROM senders WHERE secret IS NOT NULL GROUP BY 1;

-- name: next_senders
SELECT lpad(sender_id::text, 20, '0'), format('sender:%%s', sender_id), secret
FROM senders
WHERE secret IS NOT NULL AND lpad(sender_id::text, 20, '0') > %(after)s
  AND substring(secret FROM 1 FOR 8) <> %(prefix)s
ORDER BY 1 LIMIT %(limit)s;

-- name: put_senders
UPDATE senders SET secret = %(sealed)s WHERE sender_id = %(ident)s::bigint AND secret = %(before)s;

-- name: count_callbacks
SELECT encode(substring(callback_secret FROM 1 FOR 8), 'hex'), count(*) FROM senders
WHERE callback_secret IS NOT NULL GROUP BY 1;

-- name: next_callbacks
SELECT lpad(sender_id::text, 20, '0'), format('sender:%%s', sender_id), callback_secret
FROM senders
WHERE callback_secret IS NOT NULL AND lpad(sender_id::text, 20, '0') > %(after)s
  AND substring(callback_secret FROM 1 FOR 8) <> %(prefix)s
ORDER BY 1 LIMIT %(limit)s;

-- name: put_callbacks
UPDATE senders SET callback_secret = %(sealed)s WHERE sender_id = %(ident)s::bigint AND callback_secret = %(before)s;

-- name: count_webhooks
SELECT encode(substring(secret FROM 1 FOR 8), 'hex'), count(*) FROM webhooks WHERE secret IS NOT NULL GROUP BY 1;

-- name: next_webhooks
SELECT lpad(webhook_id::text, 20, '0'), format('webhook:%%s', webhook_id), secret
FROM webhooks
WHERE secret IS NOT NULL AND lpad(webhook_id::text, 20, '0') > %(after)s
  AND substring(secret FROM 1 FOR 8) <> %(prefix)s
ORDER BY 1 LIMIT %(limit)s;

-- name: put_webhooks
UPDATE webhooks SET secret = %(sealed)s WHERE webhook_id = %(ident)s::bigint AND secret = %(before)s;

-- name: count_product_feeds
SELECT encode(substring(secret FROM 1 FOR 8), 'hex'), count(*) FROM product_feeds WHERE secret IS NOT NULL GROUP BY 1;

-- name: next_product_feeds
SELECT lpad(feed_id::text, 20, '0'), format('product feed:%%s', feed_id), secret
FROM product_feeds
WHERE secret IS NOT NULL AND lpad(feed_id::text, 20, '0') > %(after)s
  AND substring(secret FROM 1 FOR 8) <> %(prefix)s
ORDER BY 1 LIMIT %(limit)s;

-- name: put_product_feeds
UPDATE product_feeds SET secret = %(sealed)s WHERE feed_id = %(ident)s::bigint AND secret = %(before)s;

-- name: count_bounce_hooks
SELECT encode(substring(secret FROM 1 FOR 8), 'hex'), count(*) FROM bounce_hooks WHERE secret IS NOT NULL GROUP BY 1;

-- name: next_bounce_hooks
SELECT lpad(hook_id::text, 20, '0'), format('bounce hook:%%s', hook_id), secret
FROM bounce_hooks
WHERE secret IS NOT NULL AND lpad(hook_id::text, 20, '0') > %(after)s
  AND substring(secret FROM 1 FOR 8) <> %(prefix)s
ORDER BY 1 LIMIT %(limit)s;

-- name: put_bounce_hooks
UPDATE bounce_hooks SET secret = %(sealed)s WHERE hook_id = %(ident)s::bigint AND secret = %(before)s;

-- name: count_bounce_mailboxes
SELECT encode(substring(secret FROM 1 FOR 8), 'hex'), count(*) FROM bounce_mailboxes WHERE secret IS NOT NULL GROUP BY 1;

-- name: next_bounce_mailboxes
SELECT lpad(mailbox_id::text, 20, '0'), format('bounce mailbox:%%s', mailbox_id), secret
FROM bounce_mailboxes
WHERE secret IS NOT NULL AND lpad(mailbox_id::text, 20, '0') > %(after)s
  AND substring(secret FROM 1 FOR 8) <> %(prefix)s
ORDER BY 1 LIMIT %(limit)s;

-- name: put_bounce_mailboxes
UPDATE bounce_mailboxes SET secret = %(sealed)s WHERE mailbox_id = %(ident)s::bigint AND secret = %(before)s;

-- name: count_push
SELECT encode(substring(private_key FROM 1 FOR 8), 'hex'), count(*) FROM push_keys GROUP BY 1;

-- name: next_push
SELECT lpad(account_id::text, 20, '0'), format('account:%%s', account_id), private_key
FROM push_keys
WHERE lpad(account_id::text, 20, '0') > %(after)s AND substring(private_key FROM 1 FOR 8) <> %(prefix)s
ORDER BY 1 LIMIT %(limit)s;

-- name: put_push
UPDATE push_keys SET private_key = %(sealed)s WHERE account_id = %(ident)s::bigint AND private_key = %(before)s;

-- name: count_dkim
SELECT encode(substring(private_key FROM 1 FOR 8), 'hex'), count(*) FROM dkim_keys GROUP BY 1;

-- name: next_dkim
SELECT lpad(key_id::text, 20, '0'), format('domain:%%s/%%s', domain_id, selector), private_key
FROM dkim_keys
WHERE lpad(key_id::text, 20, '0') > %(after)s AND substring(private_key FROM 1 FOR 8) <> %(prefix)s
ORDER BY 1 LIMIT %(limit)s;

-- name: put_dkim
UPDATE dkim_keys SET private_key = %(sealed)s WHERE key_id = %(ident)s::bigint AND private_key = %(before)s;

-- name: count_run_inputs
SELECT encode(substring(sealed_input FROM 1 FOR 8), 'hex'), count(*) FROM action_runs
WHERE sealed_input IS NOT NULL GROUP BY 1;

-- name: next_run_inputs
SELECT run_id, format('run:%%s', run_id), sealed_input FROM action_runs
WHERE sealed_input IS NOT NULL AND run_id > %(after)s AND substring(sealed_input FROM 1 FOR 8) <> %(prefix)s
ORDER BY run_id LIMIT %(limit)s;

-- name: put_run_inputs
UPDATE action_runs SET sealed_input = %(sealed)s WHERE run_id = %(ident)s AND sealed_input = %(before)s;

-- name: count_run_outputs
SELECT encode(substring(sealed_output FROM 1 FOR 8), 'hex'), count(*) FROM action_runs
WHERE sealed_output IS NOT NULL GROUP BY 1;

-- name: next_run_outputs
SELECT run_id, format('run:%%s', run_id), sealed_output FROM action_runs
WHERE sealed_output IS NOT NULL AND run_id > %(after)s AND substring(sealed_output FROM 1 FOR 8) <> %(prefix)s
ORDER BY run_id LIMIT %(limit)s;

-- name: put_run_outputs
UPDATE action_runs SET sealed_output = %(sealed)s WHERE run_id = %(ident)s AND sealed_output = %(before)s;

-- name: count_erasures
SELECT encode(substring(sealed FROM 1 FOR 8), 'hex'), count(*) FROM erasure_secrets GROUP BY 1;

-- name: next_erasures
SELECT lpad(account_id::text, 20, '0'), format('account:%%s', account_id), sealed FROM erasure_secrets
WHERE lpad(account_id::text, 20, '0') > %(after)s AND substring(sealed FROM 1 FOR 8) <> %(prefix)s
ORDER BY 1 LIMIT %(limit)s;

-- name: put_erasures
UPDATE erasure_secrets SET sealed = %(sealed)s WHERE account_id = %(ident)s::bigint AND sealed = %(before)s;

-- name: count_two_factors
SELECT encode(substring(secret FROM 1 FOR 8), 'hex'), count(*) FROM two_factors GROUP BY 1;

-- name: next_two_factors
SELECT lpad(user_id::text, 20, '0'), format('user:%%s', user_id), secret
FROM two_factors
WHERE lpad(user_id::text, 20, '0') > %(after)s AND substring(secret FROM 1 FOR 8) <> %(prefix)s
ORDER BY 1 LIMIT %(limit)s;

-- name: put_two_factors
UPDATE two_factors SET secret = %(sealed)s WHERE user_id = %(ident)s::bigint AND secret = %(before)s;
