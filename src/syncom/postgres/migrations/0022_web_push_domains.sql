-- Sites whose visitors may subscribe to web push. The id stands in the pages, so it is known to everybody.
CREATE TABLE IF NOT EXISTS push_domains (
    push_id      uuid PRIMARY KEY,
    account_id   bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    domain       text NOT NULL,                     -- scheme and host
    worker_path  text NOT NULL,                     -- of the service worker on that site
    scope        text NOT NULL,                     -- paths the service worker is for
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX IF NOT EXISTS push_domains_domain ON push_domains (account_id, domain);
COMMENT ON TABLE push_domains IS 'Sites of an account whose visitors may subscribe to web push';

-- The pair of keys that push services know an account by (VAPID, RFC 8292). The private one is sealed, and the account's
-- role cannot read it.
CREATE TABLE IF NOT EXISTS push_keys (
    account_id   bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    public_key   text NOT NULL,                     -- uncompressed point, base64url
    private_key  bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE push_keys IS 'The pair of keys that push services know an account by';

GRANT SELECT, INSERT, UPDATE, DELETE ON push_domains TO syncom_tenant;
ALTER TABLE push_domains ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON push_domains;
CREATE POLICY tenant ON push_domains TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));
ALTER TABLE push_keys ENABLE ROW LEVEL SECURITY;
