-- Twilio and Vonage as kinds of senders; the secret by which what a provider posts is checked; parts of texts.
ALTER TABLE senders DROP CONSTRAINT IF EXISTS senders_kind_check;
ALTER TABLE senders ADD CONSTRAINT senders_kind_check
    CHECK (kind IN ('smtp', 'inbox', 'gateway', 'webpush', 'smpp', 'twilio', 'vonage'));
-- Sealed, like secret; out of reach of tenants.
ALTER TABLE senders ADD COLUMN IF NOT EXISTS callback_secret bytea;

-- Messages on the air that a text became; NULL: of another channel, or not known.
ALTER TABLE ledger ADD COLUMN IF NOT EXISTS parts smallint;
