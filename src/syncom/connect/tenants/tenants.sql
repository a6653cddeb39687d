-- Workspaces, tenants, grants and their tokens. Workspaces and everything of OAuth hold credentials, so these statements
-- work as the system and name the account; those of tenants alone work as the account itself.

-- name: ensure_workspace
-- The account's workspace, made when there is none. No row: it is there already.
INSERT INTO workspaces (account_id, workspace_id, key, secret)
VALUES (%(account_id)s, %(workspace_id)s, %(key)s, %(secret)s)
ON CONFLICT (account_id) DO NOTHING
RETURNING workspace_id;

-- name: workspace
SELECT account_id, workspace_id, key, secret_key_auth, public_keys, jwks_uri, created_at, secret
FROM workspaces WHERE account_id = %(account_id)s;

-- name: workspace_by_key
SELECT account_id, workspace_id, key, secret_key_auth, public_keys, jwks_uri, created_at, secret
FROM workspaces WHERE key = %(key)s;

-- name: workspace_account
-- Whose workspace has this id or key.
SELECT account_id FROM workspaces WHERE workspace_id = %(selector)s OR key = %(selector)s;

-- name: save_secret
UPDATE workspaces SET secret = %(secret)s WHERE account_id = %(account_id)s;

-- name: save_workspace
UPDATE workspaces
SET secret_key_auth = %(secret_key_auth)s, public_keys = %(public_keys)s, jwks_uri = %(jwks_uri)s
WHERE account_id = %(account_id)s;

-- name: notify
-- NOTIFY takes no parameters; pg_notify does.
SELECT pg_notify('syncom_connect', %(payload)s);

-- name: tenant
-- One by its id or its key; the key first. Index: tenants_account_id_internal_id_key, tenants_pkey.
SELECT tenant_id, account_id, internal_id AS key, name, fields, created_at, last_active_at, archived_at
FROM tenants WHERE account_id = %(account_id)s AND (internal_id = %(selector)s OR tenant_id = %(selector)s)
ORDER BY (internal_id = %(selector)s) DESC LIMIT 1;

-- name: tenant_by_key
SELECT tenant_id, account_id, internal_id AS key, name, fields, created_at, last_active_at, archived_at
FROM tenants WHERE account_id = %(account_id)s AND internal_id = %(key)s;

-- name: add_tenant
-- No row: somebody else was first.
INSERT INTO tenants (tenant_id, account_id, internal_id, name, fields)
VALUES (%(tenant_id)s, %(account_id)s, %(key)s, %(name)s, %(fields)s)
ON CONFLICT (account_id, internal_id) DO NOTHING
RETURNING tenant_id;

-- name: change_tenant
-- What is null stays.
UPDATE tenants SET name = coalesce(%(name)s, name), fields = coalesce(%(fields)s, fields)
WHERE account_id = %(account_id)s AND tenant_id = %(tenant_id)s RETURNING tenant_id;

-- name: touch_tenant
UPDATE tenants SET last_active_at = %(now)s WHERE account_id = %(account_id)s AND tenant_id = %(tenant_id)s;

-- name: archive_tenant
UPDATE tenants SET archived_at = %(archived_at)s
WHERE account_id = %(account_id)s AND tenant_id = %(tenant_id)s RETURNING tenant_id;

-- name: tenants
SELECT tenant_id, account_id, internal_id AS key, name, fields, created_at, last_active_at, archived_at
FROM tenants
WHERE account_id = %(account_id)s AND (%(archived)s OR archived_at IS NULL)
    AND (%(search)s::text IS NULL OR strpos(lower(name), lower(%(search)s)) > 0
         OR strpos(lower(internal_id), lower(%(search)s)) > 0)
ORDER BY internal_id <> 'default', created_at, tenant_id
LIMIT %(limit)s OFFSET %(offset)s;

-- name: add_client
INSERT INTO oauth_clients (client_id, name, redirect_uris) VALUES (%(client_id)s, %(name)s, %(redirect_uris)s);

-- name: client
SELECT client_id, name, redirect_uris FROM oauth_clients WHERE client_id = %(client_id)s;

-- name: count_clients
SELECT count(*) FROM oauth_clients;

-- name: use_client
UPDATE oauth_clients SET used_at = %(now)s WHERE client_id = %(client_id)s;

-- name: forget_clients
-- Programs that registered and never signed anybody in, and those that have not for long and hold no grant.
DELETE FROM oauth_clients c
WHERE (c.used_at IS NULL AND c.created_at < %(unused_before)s)
    OR (c.used_at < %(idle_before)s
        AND NOT EXISTS (SELECT FROM oauth_grants g WHERE g.client_id = c.client_id AND g.revoked_at IS NULL));

-- name: add_grant
INSERT INTO oauth_grants (grant_id, account_id, tenant_id, user_id, client_id, client_name, kind, scope, resource,
                          restrictions, created_at, expires_at, parent_grant_id)
VALUES (%(grant_id)s, %(account_id)s, %(tenant_id)s, %(user_id)s, %(client_id)s, %(client_name)s, %(kind)s, %(scope)s,
        %(resource)s, %(restrictions)s, %(now)s, %(expires_at)s, %(parent_grant_id)s);

-- name: grant
SELECT g.grant_id, g.account_id, g.tenant_id, t.internal_id AS tenant_key, g.user_id, g.client_id, g.client_name, g.kind,
       g.scope, g.resource, g.restrictions, g.created_at, g.used_at, g.expires_at, g.revoked_at
FROM oauth_grants g LEFT JOIN tenants t ON t.tenant_id = g.tenant_id
WHERE g.grant_id = %(grant_id)s;

-- name: lock_grant
-- Everything about one grant's tokens happens one after the other.
SELECT grant_id FROM oauth_grants WHERE grant_id = %(grant_id)s FOR UPDATE;

-- name: grants
-- Live ones of an account, the newest first. Index: oauth_grants_account.
SELECT g.grant_id, g.account_id, g.tenant_id, t.internal_id AS tenant_key, g.user_id, g.client_id, g.client_name, g.kind,
       g.scope, g.resource, g.restrictions, g.created_at, g.used_at, g.expires_at, g.revoked_at
FROM oauth_grants g LEFT JOIN tenants t ON t.tenant_id = g.tenant_id
WHERE g.account_id = %(account_id)s AND g.revoked_at IS NULL
    AND (g.expires_at IS NULL OR g.expires_at > %(now)s)
    AND (%(tenant_id)s::text IS NULL OR g.tenant_id = %(tenant_id)s)
    AND (%(kind)s::text IS NULL OR g.kind = %(kind)s)
    -- What a code was asked for and never fetched is no grant yet.
    AND EXISTS (SELECT FROM oauth_tokens o WHERE o.grant_id = g.grant_id)
ORDER BY g.created_at DESC, g.grant_id DESC
LIMIT %(limit)s OFFSET %(offset)s;

-- name: revoke_grant
-- With the tokens that were made by it.
UPDATE oauth_grants SET revoked_at = %(now)s
WHERE (grant_id = %(grant_id)s OR parent_grant_id = %(grant_id)s) AND revoked_at IS NULL RETURNING grant_id;

-- name: revoke_sign_ins
-- Those of a person; tokens that were made on purpose stay, as API keys do.
UPDATE oauth_grants SET revoked_at = %(now)s
WHERE user_id = %(user_id)s AND (kind <> 'api' OR parent_grant_id IS NOT NULL) AND revoked_at IS NULL RETURNING grant_id;

-- name: touch_grant
UPDATE oauth_grants SET used_at = %(now)s
WHERE grant_id = %(grant_id)s AND (used_at IS NULL OR used_at < %(now)s - interval '1 minute');

-- name: extend_grant
UPDATE oauth_grants SET expires_at = %(expires_at)s WHERE grant_id = %(grant_id)s;

-- name: add_code
INSERT INTO oauth_codes (code_hash, grant_id, client_id, redirect_uri, challenge, expires_at)
VALUES (%(code_hash)s, %(grant_id)s, %(client_id)s, %(redirect_uri)s, %(challenge)s, %(expires_at)s);

-- name: code
SELECT code_hash, grant_id, client_id, redirect_uri, challenge, expires_at, used_at
FROM oauth_codes WHERE code_hash = %(code_hash)s;

-- name: use_code
UPDATE oauth_codes SET used_at = %(now)s WHERE code_hash = %(code_hash)s AND used_at IS NULL RETURNING code_hash;

-- name: add_token
INSERT INTO oauth_tokens (token_hash, grant_id, kind, expires_at, parent_hash, created_at)
VALUES (%(token_hash)s, %(grant_id)s, %(kind)s, %(expires_at)s, %(parent_hash)s, %(now)s);

-- name: token
SELECT token_hash, grant_id, kind, expires_at, used_at, parent_hash, closed_at, created_at
FROM oauth_tokens WHERE token_hash = %(token_hash)s;

-- name: children
-- How many were given for this one, and whether one of them was used. Index: oauth_tokens_parent.
SELECT count(*), count(*) FILTER (WHERE used_at IS NOT NULL) FROM oauth_tokens WHERE parent_hash = %(token_hash)s;

-- name: use_token
UPDATE oauth_tokens SET used_at = %(now)s WHERE token_hash = %(token_hash)s;

-- name: close_siblings
UPDATE oauth_tokens SET closed_at = %(now)s
WHERE parent_hash = %(parent_hash)s AND token_hash <> %(token_hash)s AND used_at IS NULL AND closed_at IS NULL;

-- name: forget_tokens
DELETE FROM oauth_tokens WHERE expires_at < %(now)s;

-- name: forget_codes
DELETE FROM oauth_codes WHERE expires_at < %(before)s;

-- name: forget_grants
-- Dead for long, or never fetched.
DELETE FROM oauth_grants g
WHERE g.revoked_at < %(before)s OR g.expires_at < %(before)s
    OR (g.created_at < %(before)s AND NOT EXISTS (SELECT FROM oauth_tokens o WHERE o.grant_id = g.grant_id));
