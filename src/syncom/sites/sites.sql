-- name: add
-- Index: sites_domain.
INSERT INTO sites (site_id, account_id, domain, strict) VALUES (%(site_id)s, %(account_id)s, %(domain)s, %(strict)s)
ON CONFLICT (account_id, domain) DO NOTHING RETURNING site_id;

-- name: sites
-- The newest first. Index: sites_domain.
SELECT site_id, account_id, domain, strict FROM sites WHERE account_id = %(account_id)s ORDER BY created_at DESC, site_id;

-- name: find
-- Whose pages carry this id: asked before the account is known. Index: primary key.
SELECT site_id, account_id, domain, strict FROM sites WHERE site_id = %(site_id)s;

-- name: set_strict
-- Index: primary key.
UPDATE sites SET strict = %(strict)s WHERE account_id = %(account_id)s AND site_id = %(site_id)s
RETURNING site_id, account_id, domain, strict;

-- name: visitor
-- Index: site_visitors' primary key.
SELECT contact_id FROM site_visitors WHERE account_id = %(account_id)s AND visitor = %(visitor)s;

-- name: remember
-- Index: site_visitors' primary key.
INSERT INTO site_visitors AS known (account_id, visitor, contact_id)
VALUES (%(account_id)s, %(visitor)s, %(contact_id)s)
ON CONFLICT (account_id, visitor) DO UPDATE SET contact_id = excluded.contact_id, seen_at = now()
WHERE known.contact_id <> excluded.contact_id;

-- name: forget
-- Index: site_visitors' primary key.
DELETE FROM site_visitors WHERE account_id = %(account_id)s AND visitor = %(visitor)s;
