-- Master keys that have sealed anything here, by what only their holder can tell: a start with another key file is refused.
CREATE TABLE IF NOT EXISTS installation_keys (
    key_id   text PRIMARY KEY,
    proof    bytea NOT NULL,
    made_at  timestamptz NOT NULL DEFAULT now()
);

-- Finding the connections of a connector, and what waits for a person.
CREATE INDEX IF NOT EXISTS connections_connector ON connections (account_id, tenant_id, connector_id);
CREATE INDEX IF NOT EXISTS connection_requests_connection ON connection_requests (connection_id) WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS connection_requests_expiry ON connection_requests (expires_at);
CREATE INDEX IF NOT EXISTS oauth_states_expiry ON oauth_states (expires_at);
-- Sealed with which key: what a rotation still has to do.
CREATE INDEX IF NOT EXISTS integrations_sealed ON integrations (key_id) WHERE key_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS oauth_states_key ON oauth_states (key_id);
