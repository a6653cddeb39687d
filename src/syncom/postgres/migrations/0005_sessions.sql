-- A session ends after a time without use as well as after its whole life.
ALTER TABLE sessions ADD COLUMN IF NOT EXISTS last_seen_at timestamptz NOT NULL DEFAULT now();

-- Idempotency: a row is there from the moment the first request begins; without an answer it is still being worked
-- on, or its process died on the way.
ALTER TABLE idempotency_keys ALTER COLUMN answer DROP NOT NULL;
CREATE INDEX IF NOT EXISTS idempotency_keys_age ON idempotency_keys (created_at);
