-- The integration layer. Ids of its things are 24 hexadecimal digits, as its clients expect them (ids.py).

-- A workspace is an account as clients of the integration layer see it: a public key, and a secret that signs tokens.
CREATE TABLE IF NOT EXISTS workspaces (
    account_id          bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    workspace_id        text NOT NULL UNIQUE,
    key                 text NOT NULL UNIQUE,
    secret              bytea NOT NULL,             -- sealed: it verifies signatures, so a hash would not do
    secret_key_auth     boolean NOT NULL DEFAULT true,
    public_keys         jsonb NOT NULL DEFAULT '[]',    -- [{name, publicKey}]
    jwks_uri            text,
    created_at          timestamptz NOT NULL DEFAULT now()
);

-- Who connections belong to: a person, a team or an organisation of the product that uses the workspace.
CREATE TABLE IF NOT EXISTS tenants (
    tenant_id       text PRIMARY KEY,
    account_id      bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    internal_id     text NOT NULL,                  -- as the product calls it
    name            text NOT NULL DEFAULT '',
    fields          jsonb NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    last_active_at  timestamptz,
    archived_at     timestamptz,
    UNIQUE (account_id, internal_id)
);

-- Programs that sign people in: registered by themselves (RFC 7591), or built in (`membrane-cli`).
CREATE TABLE IF NOT EXISTS oauth_clients (
    client_id      text PRIMARY KEY,
    name           text NOT NULL,
    redirect_uris  text[] NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    used_at        timestamptz
);

-- What a person agreed to. Tokens die with it.
CREATE TABLE IF NOT EXISTS oauth_grants (
    grant_id      text PRIMARY KEY,
    account_id    bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    tenant_id     text REFERENCES tenants ON DELETE CASCADE,    -- null: the person itself
    user_id       bigint REFERENCES users ON DELETE CASCADE,    -- null: made on the server's own machine
    client_id     text NOT NULL,
    client_name   text NOT NULL DEFAULT '',
    kind          text NOT NULL,                    -- 'cli-oauth', 'mcp-oauth', 'api'
    resource      text,                             -- the only address its tokens are good for (RFC 8707)
    restrictions  jsonb NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    used_at       timestamptz,
    expires_at    timestamptz,
    revoked_at    timestamptz
);
CREATE INDEX IF NOT EXISTS oauth_grants_account ON oauth_grants (account_id);

-- Codes and refresh tokens, by their SHA-256. A refresh token is used once; used again, its grant is revoked.
CREATE TABLE IF NOT EXISTS oauth_codes (
    code_hash     bytea PRIMARY KEY,
    grant_id      text NOT NULL REFERENCES oauth_grants ON DELETE CASCADE,
    client_id     text NOT NULL,
    redirect_uri  text NOT NULL,
    challenge     text NOT NULL,                    -- PKCE, S256
    expires_at    timestamptz NOT NULL,
    used_at       timestamptz
);
CREATE TABLE IF NOT EXISTS oauth_tokens (
    token_hash  bytea PRIMARY KEY,
    grant_id    text NOT NULL REFERENCES oauth_grants ON DELETE CASCADE,
    kind        text NOT NULL,                      -- 'refresh', 'access' (long-lived client tokens)
    expires_at  timestamptz,
    used_at     timestamptz
);
CREATE INDEX IF NOT EXISTS oauth_tokens_grant ON oauth_tokens (grant_id);

-- Adapters for apps. Those without an account came with the release and are everybody's.
CREATE TABLE IF NOT EXISTS connectors (
    connector_id  text PRIMARY KEY,
    account_id    bigint REFERENCES accounts ON DELETE CASCADE,
    key           text NOT NULL,
    name          text NOT NULL,
    definition    jsonb NOT NULL,                   -- connect/model.py, Connector
    document      bytea,                            -- the OpenAPI document it was made of, compressed
    content_hash  bytea NOT NULL,
    version       integer NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    archived_at   timestamptz
);
CREATE UNIQUE INDEX IF NOT EXISTS connectors_key ON connectors (coalesce(account_id, 0), key);

CREATE TABLE IF NOT EXISTS connections (
    connection_id   text PRIMARY KEY,
    account_id      bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    tenant_id       text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    connector_id    text NOT NULL REFERENCES connectors ON DELETE CASCADE,
    key             text NOT NULL,
    name            text NOT NULL,
    state           text NOT NULL,
    fault           jsonb,
    client_action   text,
    auth_key        text NOT NULL DEFAULT '',
    parameters      jsonb NOT NULL DEFAULT '{}',
    input           jsonb NOT NULL DEFAULT '{}',    -- without secrets
    meta            jsonb NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    last_active_at  timestamptz,
    refresh_at      timestamptz,
    retry_at        timestamptz,
    retry_attempts  integer NOT NULL DEFAULT 0,
    archived_at     timestamptz
);
CREATE UNIQUE INDEX IF NOT EXISTS connections_key ON connections (account_id, tenant_id, key) WHERE archived_at IS NULL;
CREATE INDEX IF NOT EXISTS connections_refresh ON connections (refresh_at) WHERE refresh_at IS NOT NULL;

-- Sealed credentials (AES-256-GCM; the connection and its tenant are bound in). Out of reach for tenants' transactions.
CREATE TABLE IF NOT EXISTS connection_credentials (
    connection_id  text PRIMARY KEY REFERENCES connections ON DELETE CASCADE,
    account_id     bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    key_id         text NOT NULL,
    sealed         bytea NOT NULL,
    generation     bigint NOT NULL DEFAULT 1,       -- counts renewals
    expires_at     timestamptz,
    updated_at     timestamptz NOT NULL DEFAULT now(),
    lease_until    timestamptz                      -- somebody renews them
);
CREATE INDEX IF NOT EXISTS connection_credentials_key ON connection_credentials (key_id);

-- What a workspace's owner sets for a connector: its own OAuth client.
CREATE TABLE IF NOT EXISTS integrations (
    integration_id  text PRIMARY KEY,
    account_id      bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    connector_id    text NOT NULL REFERENCES connectors ON DELETE CASCADE,
    key             text NOT NULL,
    name            text NOT NULL,
    parameters      jsonb NOT NULL DEFAULT '{}',    -- without secrets
    key_id          text,
    sealed          bytea,                          -- client secrets
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    archived_at     timestamptz
);
CREATE UNIQUE INDEX IF NOT EXISTS integrations_key ON integrations (account_id, key) WHERE archived_at IS NULL;

-- A person is asked to connect, on a page that is reached by this address.
CREATE TABLE IF NOT EXISTS connection_requests (
    request_id            text PRIMARY KEY,
    account_id            bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    tenant_id             text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    connector_id          text REFERENCES connectors ON DELETE CASCADE,
    connection_id         text REFERENCES connections ON DELETE CASCADE,    -- reconnect, or the one waiting
    wishes                jsonb NOT NULL DEFAULT '{}',  -- key, name, redirectUri, customState, parameters ...
    status                text NOT NULL DEFAULT 'pending',
    result_connection_id  text,
    result_fault          jsonb,
    created_at            timestamptz NOT NULL DEFAULT now(),
    expires_at            timestamptz NOT NULL
);

-- Where a person was sent away from to an app's own page; the state that comes back is used once.
CREATE TABLE IF NOT EXISTS oauth_states (
    state_hash   bytea PRIMARY KEY,
    account_id   bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    request_id   text NOT NULL REFERENCES connection_requests ON DELETE CASCADE,
    key_id       text NOT NULL,
    sealed       bytea NOT NULL,                    -- PKCE verifier and what was typed
    browser      bytea NOT NULL,                    -- hash of a cookie: only the browser that left may come back
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz
);

-- What can be called. Search reads the same rows, so it never names what is not there.
CREATE TABLE IF NOT EXISTS actions (
    action_id      text PRIMARY KEY,
    account_id     bigint REFERENCES accounts ON DELETE CASCADE,
    connector_id   text NOT NULL REFERENCES connectors ON DELETE CASCADE,
    connection_id  text REFERENCES connections ON DELETE CASCADE,   -- of one connection only
    key            text NOT NULL,
    name           text NOT NULL,
    definition     jsonb NOT NULL,                  -- connect/model.py, Action
    words          tsvector NOT NULL DEFAULT '',
    plain          text NOT NULL DEFAULT '',        -- what trigrams are compared with
    document_hash  bytea NOT NULL DEFAULT '',       -- of what is searched
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    archived_at    timestamptz
);
CREATE UNIQUE INDEX IF NOT EXISTS actions_key ON actions (connector_id, coalesce(connection_id, ''), key);
CREATE INDEX IF NOT EXISTS actions_connection ON actions (connection_id) WHERE connection_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS actions_words ON actions USING gin (words);

-- Meaning of each action as vectors of one model: place 0 is the whole document, the others are example intents.
CREATE TABLE IF NOT EXISTS action_vectors (
    action_id      text NOT NULL REFERENCES actions ON DELETE CASCADE,
    model          text NOT NULL,
    place          smallint NOT NULL,
    document_hash  bytea NOT NULL,
    vector         bytea NOT NULL,                  -- 32-bit floats, normalised
    PRIMARY KEY (action_id, model, place)
);

CREATE TABLE IF NOT EXISTS action_runs (
    run_id         text PRIMARY KEY,
    account_id     bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    tenant_id      text NOT NULL,
    connection_id  text,
    action_id      text,
    action_key     text NOT NULL,
    name           text NOT NULL,
    status         text NOT NULL,
    actor          text NOT NULL,
    input          jsonb,
    output         jsonb,
    fault          jsonb,
    exchanges      jsonb NOT NULL DEFAULT '[]',
    meta           jsonb,
    dry_run        boolean NOT NULL DEFAULT false,
    replay_of      text,
    started_at     timestamptz NOT NULL DEFAULT now(),
    duration       integer
);
CREATE INDEX IF NOT EXISTS action_runs_tenant ON action_runs (account_id, tenant_id, started_at DESC);
CREATE INDEX IF NOT EXISTS action_runs_time ON action_runs USING brin (started_at);

GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO syncom_tenant;
DO $$
DECLARE
    owned text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['tenants', 'connections', 'connection_requests', 'action_runs', 'connectors', 'actions'] LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO syncom_tenant', owned);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned);
        EXECUTE format('DROP POLICY IF EXISTS tenant ON %I', owned);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO syncom_tenant '
            'USING (account_id = (SELECT nullif(current_setting(''syncom.account_id'', true), '''')::bigint))', owned);
    END LOOP;
    -- Everybody reads what came with the release.
    FOREACH owned IN ARRAY ARRAY['connectors', 'actions'] LOOP
        EXECUTE format('DROP POLICY IF EXISTS shared ON %I', owned);
        EXECUTE format('CREATE POLICY shared ON %I FOR SELECT TO syncom_tenant USING (account_id IS NULL)', owned);
    END LOOP;
END $$;
