-- Parts of joined texts that came by themselves, until all are there (Vonage brings each in a request of its own).
CREATE TABLE IF NOT EXISTS inbound_parts (
    account_id  bigint NOT NULL,
    sender_id   bigint NOT NULL,
    phone       text NOT NULL,                          -- who wrote, as the gateway says it
    reference   text NOT NULL,                          -- what the parts of one text have in common
    part        smallint NOT NULL,                      -- from 1
    total       smallint NOT NULL,
    recipient   text NOT NULL,
    text        text NOT NULL,
    peer_id     text NOT NULL,
    sent_at     timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, sender_id, phone, reference, part)
);
CREATE INDEX IF NOT EXISTS inbound_parts_age ON inbound_parts (received_at);
COMMENT ON TABLE inbound_parts IS 'Parts of inbound texts that are not complete yet';

GRANT SELECT, INSERT, DELETE ON inbound_parts TO syncom_tenant;
ALTER TABLE inbound_parts ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON inbound_parts;
CREATE POLICY tenant ON inbound_parts TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));
