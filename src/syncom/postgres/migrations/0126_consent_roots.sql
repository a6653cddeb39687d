-- Daily signed roots over the chains of consent, and what stays of chains whose person was erased (contacts/roots.py).

CREATE TABLE IF NOT EXISTS consent_roots (
    account_id  bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    day         date NOT NULL,                      -- UTC
    until       bigint NOT NULL,                    -- the last entry of the history that it covers
    statement   text NOT NULL,                      -- JSON, as it was signed
    signature   bytea NOT NULL,                     -- Ed25519
    PRIMARY KEY (account_id, day)
);
DROP TRIGGER IF EXISTS consent_roots_append_only ON consent_roots;
CREATE TRIGGER consent_roots_append_only BEFORE UPDATE ON consent_roots
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Links of entries that went with their person: hashes alone, so that the roots above them can still be checked.
CREATE TABLE IF NOT EXISTS erased_links (
    account_id        bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    chain             bigint NOT NULL,              -- as in consent_events
    consent_event_id  bigint NOT NULL,
    link              bytea NOT NULL,
    erased            bigint NOT NULL,              -- number of the contact that was erased; its certificate is in erasures
    PRIMARY KEY (account_id, chain, consent_event_id)
);
DROP TRIGGER IF EXISTS erased_links_append_only ON erased_links;
CREATE TRIGGER erased_links_append_only BEFORE UPDATE ON erased_links
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

GRANT SELECT ON consent_roots, erased_links TO syncom_tenant;

DO $$
DECLARE
    owned text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['consent_roots', 'erased_links'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned);
        EXECUTE format('DROP POLICY IF EXISTS tenant ON %I', owned);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO syncom_tenant '
            'USING (account_id = (SELECT nullif(current_setting(''syncom.account_id'', true), '''')::bigint))', owned);
    END LOOP;
END $$;
