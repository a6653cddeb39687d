-- Senders of web push: one of the account's own, which sends through the push services of its subscribers' browsers.
ALTER TABLE senders DROP CONSTRAINT IF EXISTS senders_kind_check;
ALTER TABLE senders ADD CONSTRAINT senders_kind_check CHECK (kind IN ('smtp', 'inbox', 'gateway', 'webpush'));

-- A notification goes to every browser of a contact: one message to who counts messages.
ALTER TABLE workflow_messages ADD COLUMN IF NOT EXISTS is_copy boolean NOT NULL DEFAULT false;
