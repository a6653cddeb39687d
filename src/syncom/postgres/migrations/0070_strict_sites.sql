-- Strict sites: nothing is reported before the visitor has agreed, and who they are is believed only with a token.
ALTER TABLE sites ADD COLUMN IF NOT EXISTS strict boolean NOT NULL DEFAULT false;
