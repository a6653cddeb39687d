-- Delivery receipts: which message the id of a peer (a gateway, an SMSC) names, receipts that came before it was known,
-- and how many came.

-- A row for each id that a peer gave out. It goes after a week: peers tell the end of a message within days. Looked up by
-- sender and id, before the contact is known.
CREATE TABLE IF NOT EXISTS peer_messages (
    sender_id   bigint NOT NULL,
    peer_id     text NOT NULL,
    account_id  bigint NOT NULL,
    contact_id  bigint NOT NULL,
    message_id  uuid NOT NULL,
    campaign_id bigint NOT NULL,
    content_id  bigint NOT NULL,
    channel     smallint NOT NULL,
    parts       smallint NOT NULL,                  -- ids that this message has: one for each part on the air
    state       smallint NOT NULL DEFAULT 0,        -- of this part, see receipts/model.py; 0: not told yet
    sent_at     timestamptz NOT NULL,
    PRIMARY KEY (sender_id, peer_id)
);
CREATE INDEX IF NOT EXISTS peer_messages_parts ON peer_messages (sender_id, message_id) WHERE parts > 1;
CREATE INDEX IF NOT EXISTS peer_messages_age ON peer_messages (sent_at);

-- Receipts of ids that nobody knows (yet): tried again, more and more rarely, for a day.
CREATE TABLE IF NOT EXISTS waiting_receipts (
    sender_id      bigint NOT NULL,
    peer_id        text NOT NULL,
    state          smallint NOT NULL,
    reason         text NOT NULL,
    invalid_number boolean NOT NULL,
    occurred_at    timestamptz NOT NULL,
    received_at    timestamptz NOT NULL DEFAULT now(),
    try_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sender_id, peer_id, state)
);
CREATE INDEX IF NOT EXISTS waiting_receipts_due ON waiting_receipts (try_at);
CREATE INDEX IF NOT EXISTS waiting_receipts_age ON waiting_receipts (received_at);

-- Receipts of each sender by day (UTC), for its owner.
CREATE TABLE IF NOT EXISTS receipt_counts (
    account_id bigint NOT NULL,
    sender_id  bigint NOT NULL,
    day        date NOT NULL,
    kind       text NOT NULL,
    count      bigint NOT NULL,
    PRIMARY KEY (account_id, sender_id, day, kind)
);
GRANT SELECT ON receipt_counts TO syncom_tenant;
ALTER TABLE receipt_counts ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON receipt_counts;
CREATE POLICY tenant ON receipt_counts TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));
