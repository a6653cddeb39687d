-- name: add_account
INSERT INTO accounts (name) VALUES (%(name)s)
RETURNING account_id, name, time_zone, created_at, velocity_truth, velocity_lines,
    keep_ledger_days, keep_activity_days, keep_events_days, keep_carts_days, two_factor_required_from;

-- name: list_accounts
SELECT account_id, name, time_zone, created_at, velocity_truth, velocity_lines,
    keep_ledger_days, keep_activity_days, keep_events_days, keep_carts_days, two_factor_required_from FROM accounts ORDER BY account_id;

-- name: get_account
SELECT account_id, name, time_zone, created_at, velocity_truth, velocity_lines,
    keep_ledger_days, keep_activity_days, keep_events_days, keep_carts_days, two_factor_required_from
FROM accounts WHERE account_id = %(account_id)s;

-- name: update_account
UPDATE accounts SET name = coalesce(%(name)s, name), time_zone = coalesce(%(time_zone)s, time_zone),
    velocity_truth = coalesce(%(velocity_truth)s, velocity_truth),
    velocity_lines = coalesce(%(velocity_lines)s, velocity_lines),
    keep_ledger_days = coalesce(%(keep_ledger_days)s, keep_ledger_days),
    keep_activity_days = coalesce(%(keep_activity_days)s, keep_activity_days),
    keep_events_days = coalesce(%(keep_events_days)s, keep_events_days),
    keep_carts_days = coalesce(%(keep_carts_days)s, keep_carts_days),
    two_factor_required_from = CASE %(require_two_factor)s::boolean
        WHEN false THEN NULL
        WHEN true THEN now() + %(two_factor_grace_days)s * interval '1 day'
        ELSE two_factor_required_from END
WHERE account_id = %(account_id)s
RETURNING account_id, name, time_zone, created_at, velocity_truth, velocity_lines,
    keep_ledger_days, keep_activity_days, keep_events_days, keep_carts_days, two_factor_required_from;

-- name: lock_users
-- Held to the end of the transaction: two processes that start together make one first user.
LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE;

-- name: first_operator
SELECT email FROM users ORDER BY is_operator DESC, user_id LIMIT 1;

-- name: add_user
INSERT INTO users (email, name, password_hash, is_operator)
VALUES (%(email)s, %(name)s, %(password_hash)s, %(is_operator)s)
ON CONFLICT (email) DO NOTHING
RETURNING user_id;

-- name: find_user
-- For signing in. Index: users_email_key.
SELECT user_id, password_hash, disabled_at FROM users WHERE email = %(email)s;

-- name: user_for_password
SELECT email, password_hash FROM users WHERE user_id = %(user_id)s AND disabled_at IS NULL;

-- name: add_membership
INSERT INTO memberships (account_id, user_id, role) VALUES (%(account_id)s, %(user_id)s, %(role)s)
ON CONFLICT DO NOTHING RETURNING user_id;

-- name: list_users
SELECT u.user_id, u.email, u.name, m.role, u.is_operator, u.created_at, u.disabled_at,
    EXISTS (SELECT FROM two_factors f WHERE f.user_id = u.user_id AND f.confirmed_at IS NOT NULL)
FROM memberships m JOIN users u USING (user_id)
WHERE m.account_id = %(account_id)s ORDER BY u.user_id;

-- name: get_user
SELECT u.user_id, u.email, u.name, m.role, u.is_operator, u.created_at, u.disabled_at,
    EXISTS (SELECT FROM two_factors f WHERE f.user_id = u.user_id AND f.confirmed_at IS NOT NULL)
FROM memberships m JOIN users u USING (user_id)
WHERE m.account_id = %(account_id)s AND m.user_id = %(user_id)s;

-- name: memberships_of
-- Accounts of a user who may sign in, the oldest first.
SELECT a.account_id, a.name AS account_name, u.user_id, u.email, u.name, m.role, u.is_operator
FROM users u JOIN memberships m USING (user_id) JOIN accounts a USING (account_id)
WHERE u.user_id = %(user_id)s AND u.disabled_at IS NULL
ORDER BY a.account_id;

-- name: find_member
SELECT u.user_id FROM memberships m JOIN users u USING (user_id)
WHERE m.account_id = %(account_id)s AND u.email = %(email)s;

-- name: lock_members
-- Serialises changes of who is an owner, so that two of them cannot remove each other.
SELECT user_id, role FROM memberships WHERE account_id = %(account_id)s ORDER BY user_id FOR UPDATE;

-- name: memberships_elsewhere
SELECT count(*) FROM memberships WHERE user_id = %(user_id)s AND account_id <> %(account_id)s;

-- name: set_role
UPDATE memberships SET role = %(role)s WHERE account_id = %(account_id)s AND user_id = %(user_id)s;

-- name: remove_member
DELETE FROM memberships WHERE account_id = %(account_id)s AND user_id = %(user_id)s;

-- name: set_password
UPDATE users SET password_hash = %(password_hash)s WHERE user_id = %(user_id)s;

-- name: set_disabled
UPDATE users SET disabled_at = CASE WHEN %(disabled)s THEN coalesce(disabled_at, now()) END
WHERE user_id = %(user_id)s;

-- name: first_membership
-- The account a user lands in: the asked one, or the oldest.
SELECT account_id FROM memberships
WHERE user_id = %(user_id)s AND (%(account_id)s::bigint IS NULL OR account_id = %(account_id)s)
ORDER BY account_id LIMIT 1;

-- name: add_session
INSERT INTO sessions (session_hash, user_id, account_id, created_at, expires_at, last_seen_at, address, agent)
VALUES (%(hash)s, %(user_id)s, %(account_id)s, %(now)s, %(expires_at)s, %(now)s, %(address)s, %(agent)s);

-- name: find_session
-- Who a cookie belongs to, as things are now: a changed role or a removed membership shows at once.
SELECT s.user_id, s.account_id, m.role, u.is_operator, s.last_seen_at,
    -- An account of theirs asks for a second factor that they do not have: one person, whichever account they look at.
    EXISTS (SELECT FROM memberships o JOIN accounts a USING (account_id)
        WHERE o.user_id = s.user_id AND a.two_factor_required_from <= %(now)s)
    AND NOT EXISTS (SELECT FROM two_factors f WHERE f.user_id = s.user_id AND f.confirmed_at IS NOT NULL)
FROM sessions s
JOIN users u ON u.user_id = s.user_id AND u.disabled_at IS NULL
JOIN memberships m ON m.user_id = s.user_id AND m.account_id = s.account_id
WHERE s.session_hash = %(hash)s AND s.expires_at > %(now)s AND s.last_seen_at > %(idle_since)s;

-- name: touch_session
UPDATE sessions SET last_seen_at = %(now)s WHERE session_hash = %(hash)s;

-- name: remove_session
DELETE FROM sessions WHERE session_hash = %(hash)s;

-- name: remove_user_sessions
DELETE FROM sessions
WHERE user_id = %(user_id)s AND (%(keep)s::bytea IS NULL OR session_hash <> %(keep)s);

-- name: list_sessions
-- Of one person, the newest use first. Index: sessions_user.
SELECT session_id, account_id, created_at, last_seen_at, expires_at, address, agent,
    session_hash IS NOT DISTINCT FROM %(current)s::bytea
FROM sessions WHERE user_id = %(user_id)s AND expires_at > %(now)s AND last_seen_at > %(idle_since)s
ORDER BY last_seen_at DESC, session_id DESC;

-- name: remove_one_session
DELETE FROM sessions WHERE user_id = %(user_id)s AND session_id = %(session_id)s RETURNING session_id;

-- name: two_factor
SELECT secret, confirmed_at FROM two_factors WHERE user_id = %(user_id)s;

-- name: recovery_codes_left
SELECT count(*) FROM recovery_codes WHERE user_id = %(user_id)s AND used_at IS NULL;

-- name: two_factor_required_from
-- Since when, or from when on, an account of this person asks for a second factor.
SELECT min(a.two_factor_required_from) FROM memberships m JOIN accounts a USING (account_id)
WHERE m.user_id = %(user_id)s;

-- name: begin_two_factor
-- No row when one is in use.
INSERT INTO two_factors AS f (user_id, secret) VALUES (%(user_id)s, %(secret)s)
ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, created_at = now(), last_step = 0
    WHERE f.confirmed_at IS NULL
RETURNING user_id;

-- name: take_step
-- No row for a code that is not newer than the last: of two requests with one code, one gets it.
UPDATE two_factors SET last_step = %(step)s WHERE user_id = %(user_id)s AND last_step < %(step)s RETURNING user_id;

-- name: confirm_two_factor
UPDATE two_factors SET confirmed_at = now() WHERE user_id = %(user_id)s;

-- name: remove_recovery_codes
DELETE FROM recovery_codes WHERE user_id = %(user_id)s;

-- name: add_recovery_codes
INSERT INTO recovery_codes (user_id, code_hash) SELECT %(user_id)s, unnest(%(hashes)s::bytea[]);

-- name: use_recovery_code
UPDATE recovery_codes SET used_at = now()
WHERE user_id = %(user_id)s AND code_hash = %(hash)s AND used_at IS NULL RETURNING user_id;

-- name: remove_two_factor
DELETE FROM two_factors WHERE user_id = %(user_id)s RETURNING user_id;

-- name: remove_member_sessions
DELETE FROM sessions WHERE user_id = %(user_id)s AND account_id = %(account_id)s;

-- name: remove_dead_sessions
DELETE FROM sessions WHERE expires_at <= %(now)s OR last_seen_at <= %(idle_since)s;

-- name: add_api_key
INSERT INTO api_keys (account_id, name, prefix, key_hash, role, scope, compat)
VALUES (%(account_id)s, %(name)s, %(prefix)s, %(key_hash)s, %(role)s, %(scope)s, %(compat)s)
RETURNING api_key_id, name, prefix, role, scope, compat, created_at, last_used_at, revoked_at;

-- name: list_api_keys
SELECT api_key_id, name, prefix, role, scope, compat, created_at, last_used_at, revoked_at
FROM api_keys WHERE account_id = %(account_id)s ORDER BY api_key_id;

-- name: get_api_key
SELECT api_key_id, name, prefix, role, scope, compat, created_at, last_used_at, revoked_at
FROM api_keys WHERE account_id = %(account_id)s AND api_key_id = %(api_key_id)s FOR UPDATE;

-- name: revoke_api_key
UPDATE api_keys SET revoked_at = now()
WHERE account_id = %(account_id)s AND api_key_id = %(api_key_id)s AND revoked_at IS NULL
RETURNING key_hash;

-- name: find_api_key
-- Index: api_keys_key_hash_key. `last_used_at` is kept to the minute, so that a busy key costs no writes.
SELECT api_key_id, account_id, role, coalesce(last_used_at < now() - interval '1 minute', true), scope, compat
FROM api_keys WHERE key_hash = %(key_hash)s AND revoked_at IS NULL;

-- name: touch_api_key
UPDATE api_keys SET last_used_at = now() WHERE api_key_id = %(api_key_id)s;

-- name: add_api_token
INSERT INTO api_tokens (token_hash, account_id, actor, expires_at)
VALUES (%(token_hash)s, %(account_id)s, %(actor)s, now() + %(seconds)s * interval '1 second');

-- name: find_api_token
-- Whom a token stands for, as long as that key or login is good. Primary keys of all tables.
SELECT k.account_id, k.role, t.actor, k.scope, k.compat, NULL::bigint AS user_id
FROM api_tokens t JOIN api_keys k ON t.actor = 'key:' || k.api_key_id AND k.account_id = t.account_id
WHERE t.token_hash = %(token_hash)s AND t.expires_at > now() AND k.revoked_at IS NULL
UNION ALL
SELECT t.account_id, m.role, t.actor, 'full', '{}'::text[], m.user_id
FROM api_tokens t JOIN memberships m ON m.account_id = t.account_id AND t.actor = 'user:' || m.user_id
JOIN users u ON u.user_id = m.user_id AND u.disabled_at IS NULL
WHERE t.token_hash = %(token_hash)s AND t.expires_at > now();

-- name: forget_api_tokens
-- Index: api_tokens_expired.
DELETE FROM api_tokens WHERE expires_at <= now();

-- name: notify
-- NOTIFY takes no parameters; pg_notify does.
SELECT pg_notify('syncom_auth', %(payload)s);

-- name: add_audit
INSERT INTO audit_log (account_id, actor, action, object, detail)
VALUES (%(account_id)s, %(actor)s, %(action)s, %(object)s, %(detail)s);

-- name: list_audit
-- Newest first; of an actor, and of one act or all of its kind, unless those are empty. Index: audit_log_account.
SELECT audit_id, occurred_at, actor, action, object, detail FROM audit_log
WHERE account_id = %(account_id)s AND (%(before)s::bigint IS NULL OR audit_id < %(before)s)
    AND (%(actor)s = '' OR actor = %(actor)s)
    AND (%(action)s = '' OR action = %(action)s OR starts_with(action, %(action)s || '.'))
ORDER BY audit_id DESC LIMIT %(limit)s;
