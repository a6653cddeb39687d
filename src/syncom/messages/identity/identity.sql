-- Statements of sending domains. A domain's row is: domain_id, account_id, domain, token, return_path, tracking_host,
-- tracking_https, sending_ips, created_at, verified_at, return_path_at, tracking_at, checked_at, problem, findings, and
-- its keys as an array of objects. They run as the system, because keys are out of reach for an account's role: every
-- statement on behalf of an account names it.

-- name: add
INSERT INTO sending_domains (account_id, domain, token, return_path, tracking_host, tracking_https, sending_ips,
    created_at, next_check_at)
SELECT %(account_id)s, %(domain)s, %(token)s, %(return_path)s, %(tracking_host)s, %(tracking_https)s, %(sending_ips)s,
    %(now)s, %(next_check_at)s
WHERE (SELECT count(*) FROM sending_domains WHERE account_id = %(account_id)s) < %(most)s
ON CONFLICT (account_id, domain) DO NOTHING
RETURNING domain_id

-- name: exists
-- Index: unique key of sending_domains.
SELECT EXISTS (SELECT FROM sending_domains WHERE account_id = %(account_id)s AND domain = %(domain)s)

-- name: add_key
INSERT INTO dkim_keys (account_id, domain_id, selector, algorithm, public_key, private_key, created_at)
VALUES (%(account_id)s, %(domain_id)s, %(selector)s, %(algorithm)s, %(public_key)s, %(private_key)s, %(now)s)
RETURNING key_id

-- name: domains
-- A page of an account's domains in their order. Index: unique key of sending_domains.
SELECT d.domain_id, d.account_id, d.domain, d.token, d.return_path, d.tracking_host, d.tracking_https, d.sending_ips,
    d.created_at, d.verified_at, d.return_path_at, d.tracking_at, d.checked_at, d.problem, d.findings,
    coalesce((
        SELECT jsonb_agg(jsonb_build_object('key_id', k.key_id, 'selector', k.selector, 'algorithm', k.algorithm,
            'public_key', k.public_key, 'created_at', k.created_at, 'verified_at', k.verified_at,
            'replaced_at', k.replaced_at) ORDER BY k.key_id)
        FROM dkim_keys k WHERE k.domain_id = d.domain_id), '[]')
FROM sending_domains d
WHERE d.account_id = %(account_id)s AND d.domain > %(after)s
ORDER BY d.domain LIMIT %(limit)s

-- name: domain
-- One of them, by its id or its name. Index: primary or unique key of sending_domains.
SELECT d.domain_id, d.account_id, d.domain, d.token, d.return_path, d.tracking_host, d.tracking_https, d.sending_ips,
    d.created_at, d.verified_at, d.return_path_at, d.tracking_at, d.checked_at, d.problem, d.findings,
    coalesce((
        SELECT jsonb_agg(jsonb_build_object('key_id', k.key_id, 'selector', k.selector, 'algorithm', k.algorithm,
            'public_key', k.public_key, 'created_at', k.created_at, 'verified_at', k.verified_at,
            'replaced_at', k.replaced_at) ORDER BY k.key_id)
        FROM dkim_keys k WHERE k.domain_id = d.domain_id), '[]')
FROM sending_domains d
WHERE d.account_id = %(account_id)s AND (d.domain_id = %(domain_id)s OR d.domain = %(domain)s)

-- name: change
-- A host that changes is in use once it was checked.
UPDATE sending_domains SET
    return_path = %(return_path)s, tracking_host = %(tracking_host)s, tracking_https = %(tracking_https)s,
    sending_ips = %(sending_ips)s,
    return_path_at = CASE WHEN return_path = %(return_path)s THEN return_path_at END,
    tracking_at = CASE WHEN tracking_host = %(tracking_host)s THEN tracking_at END,
    next_check_at = %(now)s
WHERE account_id = %(account_id)s AND domain_id = %(domain_id)s

-- name: remove
DELETE FROM sending_domains WHERE account_id = %(account_id)s AND domain_id = %(domain_id)s

-- name: drop_pending
-- Keys that never signed: a rotation replaces them.
DELETE FROM dkim_keys WHERE account_id = %(account_id)s AND domain_id = %(domain_id)s AND verified_at IS NULL

-- name: lock
-- All rows of a domain name, of every account: one check after another decides who holds it. Index: sending_domains_name.
SELECT domain_id, verified_at IS NOT NULL FROM sending_domains WHERE domain = %(domain)s ORDER BY domain_id FOR UPDATE

-- name: give_up
-- Another account held the domain, and its token is not in DNS any more. Index: sending_domains_holder.
UPDATE sending_domains SET verified_at = NULL, return_path_at = NULL, tracking_at = NULL, problem = %(problem)s
WHERE domain = %(domain)s AND verified_at IS NOT NULL AND account_id <> %(account_id)s
  AND NOT token = ANY (%(tokens)s)

-- name: hold
UPDATE sending_domains SET verified_at = coalesce(verified_at, %(now)s)
WHERE domain_id = %(domain_id)s
  AND NOT EXISTS (
    SELECT FROM sending_domains o
    WHERE o.domain = %(domain)s AND o.verified_at IS NOT NULL AND o.domain_id <> %(domain_id)s)
RETURNING domain_id

-- name: verify_keys
UPDATE dkim_keys SET verified_at = %(now)s WHERE domain_id = %(domain_id)s AND key_id = ANY (%(key_ids)s)
  AND verified_at IS NULL

-- name: replace_keys
-- Of each algorithm the newest verified key signs.
UPDATE dkim_keys k SET replaced_at = %(now)s
WHERE k.domain_id = %(domain_id)s AND k.verified_at IS NOT NULL AND k.replaced_at IS NULL
  AND EXISTS (
    SELECT FROM dkim_keys n
    WHERE n.domain_id = k.domain_id AND n.algorithm = k.algorithm AND n.verified_at IS NOT NULL
      AND n.key_id > k.key_id)

-- name: drop_replaced
DELETE FROM dkim_keys WHERE domain_id = %(domain_id)s AND replaced_at < %(before)s

-- name: checked
-- What a check found. A host is in use when DNS has it, and stays as it was when DNS did not answer (NULL).
UPDATE sending_domains SET
    checked_at = %(now)s, next_check_at = %(next_check_at)s, findings = %(findings)s::jsonb, problem = %(problem)s,
    return_path_at = CASE
        WHEN return_path <> %(return_path)s THEN return_path_at
        WHEN %(return_path_ok)s::boolean IS NULL THEN return_path_at
        WHEN %(return_path_ok)s AND verified_at IS NOT NULL THEN coalesce(return_path_at, %(now)s) END,
    tracking_at = CASE
        WHEN tracking_host <> %(tracking_host)s THEN tracking_at
        WHEN %(tracking_ok)s::boolean IS NULL THEN tracking_at
        WHEN %(tracking_ok)s AND verified_at IS NOT NULL THEN coalesce(tracking_at, %(now)s) END
WHERE domain_id = %(domain_id)s

-- name: lease_due
-- Domains whose check is due, for the caller alone until then. Index: sending_domains_due.
UPDATE sending_domains SET next_check_at = %(until)s WHERE domain_id = ANY (ARRAY(
    SELECT domain_id FROM sending_domains WHERE next_check_at <= %(now)s
    ORDER BY next_check_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
))
RETURNING account_id, domain_id

-- name: signing
-- What mails of these accounts carry: account, domain, return path and tracking host where they are in use, and the keys
-- that sign. Index: unique key of sending_domains.
SELECT d.account_id, d.domain,
    CASE WHEN d.return_path_at IS NOT NULL THEN d.return_path ELSE '' END,
    CASE WHEN d.tracking_at IS NOT NULL THEN d.tracking_host ELSE '' END,
    d.tracking_https,
    coalesce((
        SELECT array_agg(k.key_id ORDER BY k.algorithm DESC)
        FROM dkim_keys k
        WHERE k.domain_id = d.domain_id AND k.verified_at IS NOT NULL AND k.replaced_at IS NULL), '{}')
FROM sending_domains d
WHERE d.account_id = ANY (%(account_ids)s) AND d.verified_at IS NOT NULL
ORDER BY d.account_id, d.domain

-- name: private_keys
SELECT key_id, domain_id, selector, private_key FROM dkim_keys WHERE key_id = ANY (%(key_ids)s)

-- name: all_signing
-- Every verified domain of the installation: account, domain, whether it signs, problem.
SELECT d.account_id, d.domain,
    EXISTS (SELECT FROM dkim_keys k
        WHERE k.domain_id = d.domain_id AND k.verified_at IS NOT NULL AND k.replaced_at IS NULL),
    d.problem
FROM sending_domains d WHERE d.verified_at IS NOT NULL ORDER BY 1, 2
