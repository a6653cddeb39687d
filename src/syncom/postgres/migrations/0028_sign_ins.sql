-- What a grant is for, and what the rotation of refresh tokens has to remember.

ALTER TABLE oauth_grants ADD COLUMN IF NOT EXISTS scope text NOT NULL DEFAULT 'tenant';  -- or 'platform-user': the
                                                -- person; tenant_id is then only where they start
-- A token that somebody made with a token of this sign-in; it ends with it.
ALTER TABLE oauth_grants ADD COLUMN IF NOT EXISTS parent_grant_id text REFERENCES oauth_grants ON DELETE CASCADE;
CREATE INDEX IF NOT EXISTS oauth_grants_parent ON oauth_grants (parent_grant_id) WHERE parent_grant_id IS NOT NULL;
ALTER TABLE oauth_tokens ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now();
-- The refresh token it was given for. A successor that was never used gives way when its parent comes again.
ALTER TABLE oauth_tokens ADD COLUMN IF NOT EXISTS parent_hash bytea;
-- A sibling was used instead: whoever comes with this one did not get it from us in the end.
ALTER TABLE oauth_tokens ADD COLUMN IF NOT EXISTS closed_at timestamptz;
CREATE INDEX IF NOT EXISTS oauth_tokens_parent ON oauth_tokens (parent_hash) WHERE parent_hash IS NOT NULL;
CREATE INDEX IF NOT EXISTS oauth_tokens_expiry ON oauth_tokens (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS oauth_codes_grant ON oauth_codes (grant_id);
CREATE INDEX IF NOT EXISTS oauth_grants_user ON oauth_grants (user_id) WHERE user_id IS NOT NULL;
