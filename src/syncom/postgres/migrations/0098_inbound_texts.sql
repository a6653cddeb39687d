-- Texts that people send to the numbers of an account's senders.

CREATE TABLE IF NOT EXISTS inbound_texts (
    account_id      bigint NOT NULL,
    bucket          smallint NOT NULL,
    contact_id      bigint NOT NULL,                    -- 0: of a number that no contact has
    inbound_text_id uuid NOT NULL,                      -- UUIDv7 of when it was received
    sender_id       bigint NOT NULL,                    -- whose number it came to
    phone           text NOT NULL,                      -- who wrote, in E.164; a short code or a name as it came
    recipient       text NOT NULL,                      -- our number, as the gateway says it
    text            text NOT NULL,
    keyword         text NOT NULL DEFAULT '',           -- stop, help, start; empty: a message like any other
    is_answered     boolean NOT NULL DEFAULT false,     -- an answer of ours was queued
    peer_id         text NOT NULL DEFAULT '',           -- the gateway's own id
    sent_at         timestamptz NOT NULL,               -- by the gateway's clock
    received_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, bucket, inbound_text_id)
);
CREATE INDEX IF NOT EXISTS inbound_texts_account ON inbound_texts (account_id, inbound_text_id);
CREATE INDEX IF NOT EXISTS inbound_texts_contact ON inbound_texts (account_id, bucket, contact_id, inbound_text_id);
CREATE INDEX IF NOT EXISTS inbound_texts_phone ON inbound_texts (account_id, phone, inbound_text_id);
CREATE INDEX IF NOT EXISTS inbound_texts_age ON inbound_texts (received_at);
COMMENT ON TABLE inbound_texts IS 'Texts that people sent to the numbers of senders';

-- Ids that gateways gave their texts: one that comes again changes nothing. Looked up before the contact is known.
CREATE TABLE IF NOT EXISTS inbound_text_ids (
    account_id  bigint NOT NULL,
    sender_id   bigint NOT NULL,
    peer_id     text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, sender_id, peer_id)
);
CREATE INDEX IF NOT EXISTS inbound_text_ids_age ON inbound_text_ids (received_at);
COMMENT ON TABLE inbound_text_ids IS 'Texts that were received, by the id of their gateway';

GRANT SELECT, INSERT, UPDATE, DELETE ON inbound_texts, inbound_text_ids TO syncom_tenant;
DO $$
DECLARE
    owned text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['inbound_texts', 'inbound_text_ids'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned);
        EXECUTE format('DROP POLICY IF EXISTS tenant ON %I', owned);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO syncom_tenant '
            'USING (account_id = (SELECT nullif(current_setting(''syncom.account_id'', true), '''')::bigint))', owned);
    END LOOP;
END $$;
