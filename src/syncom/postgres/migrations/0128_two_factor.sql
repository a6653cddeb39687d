-- A second factor of signing in: codes that an app on the person's phone makes (TOTP, RFC 6238).
CREATE TABLE IF NOT EXISTS two_factors (
    user_id       bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    secret        bytea NOT NULL,                       -- sealed
    created_at    timestamptz NOT NULL DEFAULT now(),
    confirmed_at  timestamptz,                          -- null: shown, and not in use yet
    last_step     bigint NOT NULL DEFAULT 0             -- of the newest code that was taken: none is taken twice
);
COMMENT ON TABLE two_factors IS 'Secrets of apps that make codes for signing in, one a person';

-- Codes for when the phone is lost, each good once.
CREATE TABLE IF NOT EXISTS recovery_codes (
    user_id    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    code_hash  bytea NOT NULL,                          -- SHA-256; a code has 80 random bits
    used_at    timestamptz,
    PRIMARY KEY (user_id, code_hash)
);
COMMENT ON TABLE recovery_codes IS 'Hashes of codes that stand in for a lost phone';

-- From when on members without a second factor can do nothing but set one up; null: they need none.
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS two_factor_required_from timestamptz;
