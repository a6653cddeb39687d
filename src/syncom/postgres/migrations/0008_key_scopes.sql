-- API keys: what part of the account a key is for, and how answers are shaped for callers of old client libraries.
ALTER TABLE api_keys ADD COLUMN IF NOT EXISTS scope text NOT NULL DEFAULT 'full';
ALTER TABLE api_keys ADD COLUMN IF NOT EXISTS compat text[] NOT NULL DEFAULT '{}';
ALTER TABLE api_keys DROP CONSTRAINT IF EXISTS api_keys_scope_check;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_scope_check
    CHECK (scope IN ('full', 'events', 'events_contacts', 'messages'));

-- Requests of the last minute that must not be done twice (eSputnik's 409 "Duplicated request"). Shared by all web
-- processes; unlogged, because a crash may forget them.
CREATE UNLOGGED TABLE IF NOT EXISTS recent_requests (
    account_id    bigint NOT NULL,
    request_hash  bytea NOT NULL,                   -- SHA-256 of key, method, path and body
    expires_at    timestamptz NOT NULL,
    PRIMARY KEY (account_id, request_hash)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX IF NOT EXISTS recent_requests_expired ON recent_requests (expires_at);
