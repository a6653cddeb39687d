-- Sites whose pages tell what visitors do. The id stands in the pages, so it is known to everybody.
CREATE TABLE IF NOT EXISTS sites (
    site_id     uuid PRIMARY KEY,
    account_id  bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    domain      text NOT NULL,                      -- scheme and host, such as https://shop.example
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX IF NOT EXISTS sites_domain ON sites (account_id, domain);
COMMENT ON TABLE sites IS 'Sites of an account whose pages report what visitors do';

-- Whom a visitor turned out to be: by the id in their browser's cookie. Distributed by value, like identities.
CREATE TABLE IF NOT EXISTS site_visitors (
    account_id  bigint NOT NULL,
    visitor     text NOT NULL,
    contact_id  bigint NOT NULL,
    seen_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, visitor)
);
CREATE INDEX IF NOT EXISTS site_visitors_contact ON site_visitors (account_id, contact_id);
COMMENT ON TABLE site_visitors IS 'Whom a visitor of a site turned out to be';

GRANT SELECT, INSERT, UPDATE, DELETE ON sites, site_visitors TO syncom_tenant;
ALTER TABLE sites ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON sites;
CREATE POLICY tenant ON sites TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));
ALTER TABLE site_visitors ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON site_visitors;
CREATE POLICY tenant ON site_visitors TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));
