-- name: add
-- Index: sites_domain.
INSERT INTO sites (site_id, account_id, domain, strict, clicks)
VALUES (%(site_id)s, %(account_id)s, %(domain)s, %(strict)s, %(clicks)s)
ON CONFLICT (account_id, domain) DO NOTHING RETURNING site_id;

-- name: sites
-- The newest first. Index: sites_domain.
SELECT site_id, account_id, domain, strict, clicks FROM sites WHERE account_id = %(account_id)s ORDER BY created_at DESC, site_id;

-- name: find
-- Whose pages carry this id: asked before the account is known. Index: primary key.
SELECT site_id, account_id, domain, strict, clicks FROM sites WHERE site_id = %(site_id)s;

-- name: change
-- What is not given stays. Index: primary key.
UPDATE sites SET strict = coalesce(%(strict)s, strict), clicks = coalesce(%(clicks)s, clicks)
WHERE account_id = %(account_id)s AND site_id = %(site_id)s
RETURNING site_id, account_id, domain, strict, clicks;

-- name: visitor
-- Index: site_visitors' primary key.
SELECT contact_id FROM site_visitors WHERE account_id = %(account_id)s AND visitor = %(visitor)s;

-- name: visitor_of_site
-- Whom this visitor was said to be on this site. Index: site_visitors' primary key.
SELECT contact_id FROM site_visitors
WHERE account_id = %(account_id)s AND visitor = %(visitor)s AND %(site_id)s::uuid = ANY (site_ids);

-- name: remember
-- Index: site_visitors' primary key.
INSERT INTO site_visitors AS known (account_id, visitor, contact_id, site_ids)
VALUES (%(account_id)s, %(visitor)s, %(contact_id)s, %(site_ids)s::uuid[])
ON CONFLICT (account_id, visitor) DO UPDATE SET contact_id = excluded.contact_id, seen_at = now(),
    site_ids = CASE WHEN known.contact_id = excluded.contact_id THEN known.site_ids || excluded.site_ids
        ELSE excluded.site_ids END
WHERE known.contact_id <> excluded.contact_id OR NOT known.site_ids @> excluded.site_ids;

-- name: forget
-- Index: site_visitors' primary key.
DELETE FROM site_visitors WHERE account_id = %(account_id)s AND visitor = %(visitor)s;
