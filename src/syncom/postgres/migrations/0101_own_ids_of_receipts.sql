-- Our own id of the message, where the peer gave it back with a receipt that waits.
ALTER TABLE waiting_receipts ADD COLUMN IF NOT EXISTS message_id uuid;
