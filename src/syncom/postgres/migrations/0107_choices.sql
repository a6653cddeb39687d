-- What people said no to: single categories; and the requests that wait for a confirmation by mail (double opt-in).

-- Beside contact_categories, which has what people chose. No category that is in here is in there.
CREATE TABLE IF NOT EXISTS declined_categories (
    account_id   bigint NOT NULL,
    bucket       smallint NOT NULL,
    contact_id   bigint NOT NULL,
    category_id  bigint NOT NULL,
    chosen       boolean NOT NULL,                  -- chosen before: this contact gets only what it chose
    declined_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, bucket, contact_id, category_id)
);

-- Categories that a single message belongs to, by key; a campaign has those of its audience.
ALTER TABLE messages ADD COLUMN IF NOT EXISTS categories text[] NOT NULL DEFAULT '{}';

-- A request to subscribe whose address has to confirm it. Its proof is in consent_events; the rows go some time after they
-- have ended.
CREATE TABLE IF NOT EXISTS confirmations (
    account_id       bigint NOT NULL,
    bucket           smallint NOT NULL,
    contact_id       bigint NOT NULL,
    confirmation_id  uuid NOT NULL,                 -- in the token of the mail's link
    address          text NOT NULL,                 -- the email address that has to confirm
    language         text NOT NULL,
    request          jsonb NOT NULL,                -- the proof of the request, and what was asked for (consent/model.py)
    ip               text NOT NULL DEFAULT '',
    message_id       uuid,                          -- of the mail
    requested_at     timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    confirmed_at     timestamptz,
    PRIMARY KEY (account_id, bucket, contact_id, confirmation_id)
);
CREATE INDEX IF NOT EXISTS confirmations_ip ON confirmations (account_id, ip, requested_at);
CREATE INDEX IF NOT EXISTS confirmations_end ON confirmations (expires_at);

CREATE TABLE IF NOT EXISTS consent_settings (
    account_id                bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    confirmation_template_id  bigint NOT NULL       -- the mail that asks for a confirmation
);

DO $$
DECLARE
    owned text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['declined_categories', 'confirmations', 'consent_settings'] LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO syncom_tenant', owned);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned);
        EXECUTE format('DROP POLICY IF EXISTS tenant ON %I', owned);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO syncom_tenant '
            'USING (account_id = (SELECT nullif(current_setting(''syncom.account_id'', true), '''')::bigint))', owned);
    END LOOP;
END $$;
