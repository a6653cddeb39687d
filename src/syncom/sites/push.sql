-- name: put_domain
-- A domain that is known gets the new paths and keeps its id. Index: push_domains_domain.
INSERT INTO push_domains AS known (push_id, account_id, domain, worker_path, scope)
VALUES (%(push_id)s, %(account_id)s, %(domain)s, %(worker_path)s, %(scope)s)
ON CONFLICT (account_id, domain) DO UPDATE SET worker_path = excluded.worker_path, scope = excluded.scope
RETURNING push_id, account_id, domain, worker_path, scope;

-- name: domain
-- Index: push_domains_domain.
SELECT push_id, account_id, domain, worker_path, scope FROM push_domains
WHERE account_id = %(account_id)s AND domain = %(domain)s;

-- name: find
-- Whose pages carry this id: asked before the account is known. Index: primary key.
SELECT push_id, account_id, domain, worker_path, scope FROM push_domains WHERE push_id = %(push_id)s;

-- name: owner
-- Whose subscription this is. Primary key of identities.
SELECT contact_id FROM identities WHERE account_id = %(account_id)s AND kind = 5 AND value = %(endpoint)s;

-- name: add_key
-- The first pair of an account stays. Index: push_keys' primary key.
INSERT INTO push_keys (account_id, public_key, private_key)
VALUES (%(account_id)s, %(public_key)s, %(private_key)s)
ON CONFLICT (account_id) DO NOTHING;

-- name: key
-- Index: push_keys' primary key.
SELECT public_key FROM push_keys WHERE account_id = %(account_id)s;

-- name: pair
-- Index: push_keys' primary key.
SELECT public_key, private_key FROM push_keys WHERE account_id = %(account_id)s;
