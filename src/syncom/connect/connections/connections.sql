-- Statements of connections. Those that touch credentials work as the system, with the account in every statement.

-- name: find
-- By id, else by key. Index: primary key, connections_key.
SELECT c.connection_id, c.account_id, c.tenant_id, c.connector_id, k.key AS connector_key, c.key, c.name, c.state,
       c.fault, c.client_action, c.auth_key, c.parameters, c.input, c.meta, c.created_at, c.updated_at,
       c.last_active_at, c.refresh_at, c.retry_at, c.retry_attempts, c.archived_at
FROM connections c JOIN connectors k USING (connector_id)
WHERE c.account_id = %(account_id)s AND (%(tenant_id)s::text IS NULL OR c.tenant_id = %(tenant_id)s)
  AND (%(only)s::text[] IS NULL OR c.connection_id = ANY(%(only)s))
  AND (c.connection_id = %(selector)s OR (c.key = %(selector)s AND c.archived_at IS NULL))
ORDER BY c.connection_id = %(selector)s DESC
LIMIT 2;

-- name: find_of_connector
-- Those of one connector, by its id or key, or by the workspace's use of it. Index: connections_connector.
SELECT c.connection_id, c.account_id, c.tenant_id, c.connector_id, k.key AS connector_key, c.key, c.name, c.state,
       c.fault, c.client_action, c.auth_key, c.parameters, c.input, c.meta, c.created_at, c.updated_at,
       c.last_active_at, c.refresh_at, c.retry_at, c.retry_attempts, c.archived_at
FROM connections c JOIN connectors k USING (connector_id)
WHERE c.account_id = %(account_id)s AND (%(tenant_id)s::text IS NULL OR c.tenant_id = %(tenant_id)s)
  AND (%(only)s::text[] IS NULL OR c.connection_id = ANY(%(only)s))
  AND c.archived_at IS NULL
  AND (c.connector_id = %(selector)s OR k.key = %(selector)s OR c.connector_id = %(connector_id)s)
ORDER BY c.created_at
LIMIT 2;

-- name: list
-- Oldest first. Index: connections_connector.
SELECT c.connection_id, c.account_id, c.tenant_id, c.connector_id, k.key AS connector_key, c.key, c.name, c.state,
       c.fault, c.client_action, c.auth_key, c.parameters, c.input, c.meta, c.created_at, c.updated_at,
       c.last_active_at, c.refresh_at, c.retry_at, c.retry_attempts, c.archived_at
FROM connections c JOIN connectors k USING (connector_id)
WHERE c.account_id = %(account_id)s AND (%(tenant_id)s::text IS NULL OR c.tenant_id = %(tenant_id)s)
  AND (%(only)s::text[] IS NULL OR c.connection_id = ANY(%(only)s))
  AND (%(archived)s OR c.archived_at IS NULL)
  AND (%(connector_id)s::text IS NULL OR c.connector_id = %(connector_id)s)
  AND (%(pattern)s::text IS NULL OR c.name ILIKE %(pattern)s OR c.key ILIKE %(pattern)s
       OR k.key ILIKE %(pattern)s OR k.name ILIKE %(pattern)s)
ORDER BY c.created_at, c.connection_id
LIMIT %(limit)s OFFSET %(offset)s;

-- name: taken_keys
SELECT key FROM connections
WHERE account_id = %(account_id)s AND tenant_id = %(tenant_id)s AND archived_at IS NULL
  AND (key = %(stem)s OR key LIKE %(pattern)s);

-- name: insert
INSERT INTO connections (connection_id, account_id, tenant_id, connector_id, key, name, state, fault, client_action,
                         auth_key, parameters, input, meta, created_at, updated_at)
VALUES (%(connection_id)s, %(account_id)s, %(tenant_id)s, %(connector_id)s, %(key)s, %(name)s, %(state)s, %(fault)s,
        %(client_action)s, %(auth_key)s, %(parameters)s, %(input)s, %(meta)s, %(now)s, %(now)s)
ON CONFLICT (account_id, tenant_id, key) WHERE archived_at IS NULL DO NOTHING
RETURNING connection_id;

-- name: change
-- Name, key, notes, and what was entered.
UPDATE connections SET
    name = coalesce(%(name)s, name),
    key = coalesce(%(key)s, key),
    auth_key = coalesce(%(auth_key)s, auth_key),
    parameters = coalesce(%(parameters)s::jsonb, parameters),
    input = coalesce(%(input)s::jsonb, input),
    meta = coalesce(%(meta)s::jsonb, meta),
    updated_at = %(now)s
WHERE account_id = %(account_id)s AND connection_id = %(connection_id)s
RETURNING connection_id;

-- name: connected
-- Ready, with nothing that is wrong and nothing to be done.
UPDATE connections SET
    state = 'READY', fault = NULL, client_action = NULL, auth_key = %(auth_key)s, parameters = %(parameters)s,
    input = %(input)s, refresh_at = %(refresh_at)s, retry_at = NULL, retry_attempts = 0, updated_at = %(now)s
WHERE account_id = %(account_id)s AND connection_id = %(connection_id)s AND archived_at IS NULL
RETURNING connection_id;

-- name: set_state
UPDATE connections SET
    state = %(state)s, fault = %(fault)s, client_action = %(client_action)s, refresh_at = NULL,
    retry_at = NULL, retry_attempts = 0, updated_at = %(now)s
WHERE account_id = %(account_id)s AND connection_id = %(connection_id)s
  AND (%(from_state)s::text IS NULL OR state = %(from_state)s)
RETURNING connection_id;

-- name: archive
-- The key is free again; it comes back with the connection when nobody took it.
UPDATE connections SET archived_at = %(now)s, updated_at = %(now)s
WHERE account_id = %(account_id)s AND connection_id = %(connection_id)s AND archived_at IS NULL
RETURNING connection_id;

-- name: restore
UPDATE connections SET archived_at = NULL, key = %(key)s, updated_at = %(now)s
WHERE account_id = %(account_id)s AND connection_id = %(connection_id)s AND archived_at IS NOT NULL
RETURNING connection_id;

-- name: touch
-- Noted once a minute at most: it is for people to look at.
UPDATE connections SET last_active_at = %(now)s
WHERE connection_id = %(connection_id)s
  AND (last_active_at IS NULL OR last_active_at < %(now)s::timestamptz - interval '1 minute');

-- name: save_credentials
INSERT INTO connection_credentials (connection_id, account_id, key_id, sealed, generation, expires_at, updated_at)
VALUES (%(connection_id)s, %(account_id)s, %(key_id)s, %(sealed)s, 1, %(expires_at)s, %(now)s)
ON CONFLICT (connection_id) DO UPDATE SET
    key_id = excluded.key_id, sealed = excluded.sealed, expires_at = excluded.expires_at,
    -- Whoever renews the old ones finds another generation and throws its answer away.
    generation = connection_credentials.generation + 1, lease_until = NULL, updated_at = excluded.updated_at
WHERE connection_credentials.account_id = excluded.account_id
RETURNING generation;

-- name: erase_credentials
DELETE FROM connection_credentials
WHERE account_id = %(account_id)s AND connection_id = %(connection_id)s
RETURNING connection_id;

-- name: credentials
-- With what decides about a renewal. Index: primary keys.
SELECT s.connection_id, s.account_id, c.tenant_id, s.sealed, s.generation, s.expires_at, c.state, c.refresh_at,
       c.retry_at, c.retry_attempts, c.archived_at
FROM connection_credentials s JOIN connections c USING (connection_id)
WHERE s.account_id = %(account_id)s AND s.connection_id = %(connection_id)s AND c.account_id = %(account_id)s;

-- name: lease
-- One caller of all processes may renew this generation. By the database's clock: processes may differ in theirs.
UPDATE connection_credentials SET lease_until = now() + %(lease)s
WHERE connection_id = %(connection_id)s AND account_id = %(account_id)s AND generation = %(generation)s
  AND (lease_until IS NULL OR lease_until < now())
RETURNING lease_until;

-- name: renewed
-- Only by the one who holds the lease, and only in place of what it renewed.
UPDATE connection_credentials SET
    key_id = %(key_id)s, sealed = %(sealed)s, expires_at = %(expires_at)s, generation = generation + 1,
    lease_until = NULL, updated_at = %(now)s
WHERE connection_id = %(connection_id)s AND account_id = %(account_id)s AND generation = %(generation)s
  AND lease_until = %(fence)s
RETURNING generation;

-- name: renewed_connection
UPDATE connections SET
    state = 'READY', fault = NULL, client_action = NULL, refresh_at = %(refresh_at)s, retry_at = NULL,
    retry_attempts = 0, updated_at = %(now)s
WHERE connection_id = %(connection_id)s AND account_id = %(account_id)s;

-- name: release
UPDATE connection_credentials SET lease_until = NULL
WHERE connection_id = %(connection_id)s AND account_id = %(account_id)s AND generation = %(generation)s
  AND lease_until = %(fence)s
RETURNING connection_id;

-- name: delayed
-- The renewal failed for now: what is wrong, and when it is tried again.
UPDATE connections SET
    state = %(state)s, fault = %(fault)s, retry_at = %(retry_at)s, retry_attempts = %(attempts)s,
    refresh_at = %(retry_at)s, updated_at = %(now)s
WHERE connection_id = %(connection_id)s AND account_id = %(account_id)s
  AND state IN ('READY', 'CONFIGURATION_ERROR');

-- name: defunct
-- A person has to act, unless somebody renewed or replaced the credentials meanwhile.
UPDATE connections c SET
    state = 'CLIENT_ACTION_REQUIRED', fault = %(fault)s, client_action = 'connect', refresh_at = NULL,
    retry_at = NULL, retry_attempts = 0, updated_at = %(now)s
WHERE c.connection_id = %(connection_id)s AND c.account_id = %(account_id)s
  AND c.state IN ('READY', 'CONFIGURATION_ERROR') AND c.archived_at IS NULL
  AND (%(generation)s::bigint IS NULL OR NOT EXISTS (
      SELECT FROM connection_credentials s WHERE s.connection_id = c.connection_id AND s.generation <> %(generation)s))
RETURNING c.connection_id;

-- name: due
-- Connections whose credentials are to be renewed. Index: connections_refresh.
SELECT c.account_id, c.connection_id
FROM connections c JOIN connection_credentials s USING (connection_id)
WHERE c.refresh_at <= %(now)s AND c.archived_at IS NULL AND c.state IN ('READY', 'CONFIGURATION_ERROR')
  AND (s.lease_until IS NULL OR s.lease_until < now())
ORDER BY c.refresh_at
LIMIT %(limit)s;

-- name: insert_request
INSERT INTO connection_requests (request_id, account_id, tenant_id, connector_id, connection_id, wishes, created_at,
                                 expires_at)
VALUES (%(request_id)s, %(account_id)s, %(tenant_id)s, %(connector_id)s, %(connection_id)s, %(wishes)s, %(now)s,
        %(expires_at)s);

-- name: find_request
SELECT request_id, account_id, tenant_id, connector_id, connection_id, wishes, status, result_connection_id,
       result_fault, created_at, expires_at
FROM connection_requests
WHERE request_id = %(request_id)s AND (%(account_id)s::bigint IS NULL OR account_id = %(account_id)s)
  AND (%(tenant_id)s::text IS NULL OR tenant_id = %(tenant_id)s);

-- name: pending_requests
-- The newest request of each connection that a person can still follow. Index: connection_requests_connection.
SELECT DISTINCT ON (connection_id) connection_id, request_id
FROM connection_requests
WHERE connection_id = ANY(%(connection_ids)s) AND status = 'pending' AND expires_at > %(fresh)s
ORDER BY connection_id, expires_at DESC;

-- name: attempts
-- How asking a person to connect this one ended, newest first. Index: connection_requests_settled.
SELECT request_id, account_id, tenant_id, connector_id, connection_id, wishes, status, result_connection_id,
       result_fault, created_at, expires_at
FROM connection_requests
WHERE account_id = %(account_id)s AND connection_id = %(connection_id)s AND status <> 'pending'
ORDER BY created_at DESC, request_id DESC
LIMIT %(limit)s OFFSET %(offset)s;

-- name: ended_requests
-- What somebody waits for, by id or by the name a browser gave it. Index: primary key, connection_requests_browser.
WITH wanted AS (
    SELECT * FROM unnest(%(accounts)s::bigint[], %(tenants)s::text[], %(names)s::text[])
        WITH ORDINALITY AS w (account_id, tenant_id, name, place)
)
SELECT w.place, r.request_id, r.account_id, r.tenant_id, r.connector_id, r.connection_id, r.wishes, r.status,
       r.result_connection_id, r.result_fault, r.created_at, r.expires_at
FROM wanted w
JOIN connection_requests r
  ON r.request_id = w.name AND r.account_id = w.account_id AND r.tenant_id = w.tenant_id
WHERE r.status <> 'pending' OR r.expires_at <= %(now)s
UNION ALL
SELECT w.place, r.request_id, r.account_id, r.tenant_id, r.connector_id, r.connection_id, r.wishes, r.status,
       r.result_connection_id, r.result_fault, r.created_at, r.expires_at
FROM wanted w
JOIN connection_requests r
  ON r.wishes ->> 'browser_request' = w.name AND r.account_id = w.account_id AND r.tenant_id = w.tenant_id
WHERE r.status <> 'pending' OR r.expires_at <= %(now)s;

-- name: browser_request
SELECT request_id FROM connection_requests
WHERE account_id = %(account_id)s AND tenant_id = %(tenant_id)s AND wishes ->> 'browser_request' = %(name)s
LIMIT 1;

-- name: settle_request
UPDATE connection_requests SET status = %(status)s, result_connection_id = %(connection_id)s, result_fault = %(fault)s
WHERE request_id = %(request_id)s AND status = 'pending'
RETURNING request_id;

-- name: claim_connection
-- What a request that makes a connection at its end has made.
UPDATE connection_requests SET connection_id = %(connection_id)s
WHERE request_id = %(request_id)s;

-- name: forget_requests
DELETE FROM connection_requests WHERE expires_at < %(before)s;

-- name: insert_state
INSERT INTO oauth_states (state_hash, account_id, request_id, key_id, sealed, browser, expires_at)
VALUES (%(state_hash)s, %(account_id)s, %(request_id)s, %(key_id)s, %(sealed)s, %(browser)s, %(expires_at)s);

-- name: use_state
-- Once, whoever comes first.
UPDATE oauth_states SET used_at = %(now)s
WHERE state_hash = %(state_hash)s AND used_at IS NULL AND expires_at > %(now)s AND browser = %(browser)s
RETURNING account_id, request_id, sealed;

-- name: forget_states
DELETE FROM oauth_states WHERE expires_at < %(before)s;

-- name: names
-- What the page says about whose connection it will be.
SELECT a.name, coalesce(nullif(t.name, ''), t.internal_id)
FROM accounts a JOIN tenants t USING (account_id)
WHERE a.account_id = %(account_id)s AND t.tenant_id = %(tenant_id)s;

-- name: integration
-- By id or key.
SELECT integration_id, account_id, connector_id, key, name, parameters, sealed IS NOT NULL AS has_secret, created_at,
       updated_at, archived_at
FROM integrations
WHERE account_id = %(account_id)s AND (integration_id = %(selector)s OR key = %(selector)s) AND archived_at IS NULL
ORDER BY integration_id = %(selector)s DESC
LIMIT 1;

-- name: integration_of_connector
SELECT integration_id, account_id, connector_id, key, name, parameters, sealed IS NOT NULL AS has_secret, created_at,
       updated_at, archived_at
FROM integrations
WHERE account_id = %(account_id)s AND connector_id = %(connector_id)s AND archived_at IS NULL
ORDER BY created_at
LIMIT 1;

-- name: integrations
SELECT integration_id, account_id, connector_id, key, name, parameters, sealed IS NOT NULL AS has_secret, created_at,
       updated_at, archived_at
FROM integrations
WHERE account_id = %(account_id)s AND (%(archived)s OR archived_at IS NULL)
ORDER BY created_at, integration_id
LIMIT %(limit)s OFFSET %(offset)s;

-- name: insert_integration
INSERT INTO integrations (integration_id, account_id, connector_id, key, name, parameters, key_id, sealed)
VALUES (%(integration_id)s, %(account_id)s, %(connector_id)s, %(key)s, %(name)s, %(parameters)s, %(key_id)s, %(sealed)s)
ON CONFLICT (account_id, key) WHERE archived_at IS NULL DO NOTHING
RETURNING integration_id;

-- name: change_integration
UPDATE integrations SET
    name = coalesce(%(name)s, name), parameters = coalesce(%(parameters)s::jsonb, parameters),
    key_id = CASE WHEN %(keep)s THEN key_id ELSE %(key_id)s END,
    sealed = CASE WHEN %(keep)s THEN sealed ELSE %(sealed)s END,
    updated_at = now()
WHERE account_id = %(account_id)s AND integration_id = %(integration_id)s
RETURNING integration_id;

-- name: archive_integration
UPDATE integrations SET archived_at = now(), updated_at = now(), key_id = NULL, sealed = NULL
WHERE account_id = %(account_id)s AND integration_id = %(integration_id)s AND archived_at IS NULL
RETURNING integration_id;

-- name: integration_secret
SELECT integration_id, parameters, sealed FROM integrations
WHERE account_id = %(account_id)s AND connector_id = %(connector_id)s AND archived_at IS NULL
ORDER BY created_at
LIMIT 1;

-- name: left_disconnecting
-- Those whose disconnecting was cut off.
SELECT c.connection_id, c.account_id, c.tenant_id, c.connector_id, k.key AS connector_key, c.key, c.name, c.state,
       c.fault, c.client_action, c.auth_key, c.parameters, c.input, c.meta, c.created_at, c.updated_at,
       c.last_active_at, c.refresh_at, c.retry_at, c.retry_attempts, c.archived_at
FROM connections c JOIN connectors k USING (connector_id)
WHERE c.state = 'DISCONNECTING' AND c.updated_at < %(before)s
LIMIT 100;
