-- Senders of the kind smpp: binds at an SMSC.
ALTER TABLE senders DROP CONSTRAINT IF EXISTS senders_kind_check;
ALTER TABLE senders ADD CONSTRAINT senders_kind_check
    CHECK (kind IN ('smtp', 'inbox', 'gateway', 'webpush', 'smpp', 'twilio', 'vonage', 'group'));

-- Texts of people that come in parts: a row a text. It is told when it is whole, or after minutes as it is; a told one stays
-- as long, so that a part that comes twice is known.
CREATE TABLE IF NOT EXISTS incomplete_texts (
    sender_id    bigint NOT NULL,
    from_address text NOT NULL,
    to_address   text NOT NULL,
    reference    integer NOT NULL,
    total        smallint NOT NULL,
    parts        jsonb NOT NULL,                    -- octets (base64) and codec by the part's number
    begun_at     timestamptz NOT NULL DEFAULT now(),
    is_told      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (sender_id, from_address, to_address, reference, total)
);
CREATE INDEX IF NOT EXISTS incomplete_texts_age ON incomplete_texts (begun_at);
