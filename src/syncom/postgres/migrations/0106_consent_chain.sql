-- Consent that can be proved: every row of the history holds a hash over itself and over the row before it of the same
-- contact, so that whoever changes one, takes one out or puts one in is found out (contacts/proofs.py verifies).

ALTER TABLE consent_events ADD COLUMN IF NOT EXISTS category text;  -- key of the category; NULL: of the whole channel
ALTER TABLE consent_events ADD COLUMN IF NOT EXISTS chain bigint;   -- the contact it was recorded for: merging moves rows
ALTER TABLE consent_events ADD COLUMN IF NOT EXISTS link bytea;     -- NULL: recorded before there were chains

-- What is hashed: the row before's link, then the members of the row in a text, each after a unit separator.
-- A trigger, and not the writers, because it sees what was committed while the writer waited for the contact's lock.
CREATE OR REPLACE FUNCTION chain_consent() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    previous bytea;
BEGIN
    SELECT e.link INTO previous FROM consent_events e
    WHERE e.account_id = NEW.account_id AND e.bucket = NEW.bucket AND e.contact_id = NEW.contact_id
        AND e.chain = NEW.contact_id
    ORDER BY e.consent_event_id DESC LIMIT 1;
    NEW.chain := NEW.contact_id;
    NEW.link := sha256(coalesce(previous, '') || convert_to(concat_ws(E'\x1f', NEW.account_id, NEW.chain,
        NEW.consent_event_id, NEW.channel, coalesce(NEW.category, ''), NEW.state,
        (extract(epoch FROM NEW.occurred_at) * 1000000)::bigint, NEW.source, coalesce(NEW.detail::text, '')), 'UTF8'));
    RETURN NEW;
END $$;

-- Rows that a merge hands over keep their links.
DROP TRIGGER IF EXISTS consent_events_chain ON consent_events;
CREATE TRIGGER consent_events_chain BEFORE INSERT ON consent_events
    FOR EACH ROW WHEN (NEW.link IS NULL) EXECUTE FUNCTION chain_consent();

CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;

DROP TRIGGER IF EXISTS consent_events_append_only ON consent_events;
CREATE TRIGGER consent_events_append_only BEFORE UPDATE ON consent_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What people were shown when they decided, once for each text: the history names it by its hash.
CREATE TABLE IF NOT EXISTS consent_texts (
    account_id  bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    text_hash   bytea NOT NULL,                     -- SHA-256 of language, line feed, text
    language    text NOT NULL,                      -- BCP 47
    text        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, text_hash)
);
DROP TRIGGER IF EXISTS consent_texts_append_only ON consent_texts;
CREATE TRIGGER consent_texts_append_only BEFORE UPDATE ON consent_texts
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

DO $$
DECLARE
    owned text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['consent_texts'] LOOP
        EXECUTE format('GRANT SELECT, INSERT ON %I TO syncom_tenant', owned);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned);
        EXECUTE format('DROP POLICY IF EXISTS tenant ON %I', owned);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO syncom_tenant '
            'USING (account_id = (SELECT nullif(current_setting(''syncom.account_id'', true), '''')::bigint))', owned);
    END LOOP;
END $$;
