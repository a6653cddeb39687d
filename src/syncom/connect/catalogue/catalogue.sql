-- name: lock
-- One process at a time changes the catalogue of an account (0: what came with the release).
SELECT pg_advisory_xact_lock(hashtext('catalogue'), %(account_id)s::integer)

-- name: shipped
-- What is stored of the shipped connectors, to see whether anything changed.
SELECT key, content_hash, archived_at IS NOT NULL AS archived
FROM connectors
WHERE account_id IS NULL

-- name: save_connector
-- A new connector, or the next version of the one with its key (which is not archived any more).
-- Index: connectors_key.
INSERT INTO connectors (connector_id, account_id, key, name, definition, document, content_hash)
VALUES (%(connector_id)s, %(account_id)s, %(key)s, %(name)s, %(definition)s::json, %(document)s, %(content_hash)s)
ON CONFLICT (coalesce(account_id, 0), key) DO UPDATE SET
    name = excluded.name,
    definition = excluded.definition,
    document = excluded.document,
    content_hash = excluded.content_hash,
    version = connectors.version + 1,
    updated_at = now(),
    archived_at = NULL
RETURNING connector_id

-- name: save_actions
-- Actions of a document. Those that are there keep their ids, and their time when nothing about them changed.
-- Index: actions_own_key.
INSERT INTO actions AS present (action_id, account_id, connector_id, key, name, definition, plain, document_hash, words)
SELECT one.action_id, %(account_id)s, %(connector_id)s, one.key, one.name, one.definition, one.plain,
    decode(one.document_hash, 'hex'),
    setweight(to_tsvector('simple', one.title) || to_tsvector('english', one.title) || to_tsvector('russian', one.title), 'A')
    || setweight(to_tsvector('simple', one.said) || to_tsvector('english', one.said) || to_tsvector('russian', one.said), 'B')
    || setweight(to_tsvector('simple', one.about) || to_tsvector('english', one.about)
        || to_tsvector('russian', one.about), 'C')
    || setweight(to_tsvector('simple', one.app), 'D')
FROM json_to_recordset(%(rows)s::json) AS one (
    action_id text, key text, name text, definition json, plain text, document_hash text,
    title text, said text, about text, app text
)
ON CONFLICT (connector_id, coalesce(connection_id, ''), coalesce(account_id, 0), key) DO UPDATE SET
    name = excluded.name,
    definition = excluded.definition,
    plain = excluded.plain,
    document_hash = excluded.document_hash,
    words = excluded.words,
    made = false,
    updated_at = now(),
    archived_at = NULL
WHERE present.definition::text <> excluded.definition::text
    OR present.document_hash <> excluded.document_hash
    OR present.archived_at IS NOT NULL

-- name: archive_actions
-- Actions of a document that it has no more.
UPDATE actions
SET archived_at = now(), updated_at = now()
WHERE connector_id = %(connector_id)s
    AND account_id IS NOT DISTINCT FROM %(account_id)s
    AND connection_id IS NULL
    AND NOT made
    AND archived_at IS NULL
    AND key <> ALL(%(keys)s)

-- name: archive_connector
UPDATE connectors
SET archived_at = now(), updated_at = now()
WHERE connector_id = %(connector_id)s AND archived_at IS NULL
RETURNING key

-- name: archive_shipped
-- Connectors that this release has no more, with their actions.
WITH gone AS (
    UPDATE connectors
    SET archived_at = now(), updated_at = now()
    WHERE account_id IS NULL AND archived_at IS NULL AND key <> ALL(%(keys)s)
    RETURNING connector_id
)
UPDATE actions
SET archived_at = now(), updated_at = now()
WHERE connector_id IN (SELECT connector_id FROM gone) AND account_id IS NULL AND archived_at IS NULL

-- name: connectors
-- Connectors that an account sees, those with the words in their name or key first. Row-level security decides which.
SELECT connector_id, account_id, definition::text AS definition, version, updated_at, archived_at
FROM connectors
WHERE archived_at IS NULL
    AND (
        %(search)s::text = ''
        OR key ILIKE %(pattern)s OR name ILIKE %(pattern)s
        OR definition ->> 'aliases' ILIKE %(pattern)s OR definition ->> 'domains' ILIKE %(pattern)s
    )
ORDER BY
    CASE
        WHEN %(search)s = '' THEN 0
        WHEN lower(%(search)s) IN (key, lower(name)) THEN 0
        WHEN key ILIKE %(prefix)s OR name ILIKE %(prefix)s THEN 1
        WHEN name ILIKE '%% ' || %(prefix)s THEN 2
        ELSE 3
    END,
    lower(name), account_id NULLS LAST, connector_id
LIMIT %(limit)s OFFSET %(offset)s

-- name: connector
-- By id or by key, an account's own first. Archived ones by id only: connections may still name them.
SELECT connector_id, account_id, definition::text AS definition, version, updated_at, archived_at
FROM connectors
WHERE connector_id = %(selector)s OR (key = %(selector)s AND archived_at IS NULL)
ORDER BY connector_id = %(selector)s DESC, account_id NULLS LAST
LIMIT 1

-- name: by_domain
-- The connector of an app's domain: the longest of the domains given that one has, an account's own first.
SELECT connector_id, account_id, definition::text AS definition, version, updated_at, archived_at
FROM connectors, json_array_elements_text(definition -> 'domains') AS domain
WHERE archived_at IS NULL AND domain = ANY(%(domains)s)
ORDER BY length(domain) DESC, account_id NULLS LAST, key
LIMIT 1

-- name: actions
-- Actions that an account sees. For one connection: those of its connector and its own; of several with one key the
-- closest counts (connection, account, release). Archived ones hide nothing, and come in addition when asked for.
SELECT action_id, a.account_id, a.connector_id, c.key AS connector_key, connection_id, a.definition::text AS definition,
    made, a.updated_at, a.archived_at
FROM (
    SELECT DISTINCT ON (connector_id, key, archived_at) *
    FROM actions
    WHERE (archived_at IS NULL OR %(archived)s)
        AND (%(connector_id)s::text IS NULL OR connector_id = %(connector_id)s)
        AND (connection_id IS NULL OR connection_id = %(connection_id)s)
    ORDER BY connector_id, key, archived_at, connection_id NULLS LAST, account_id NULLS LAST
) AS a
JOIN connectors AS c USING (connector_id)
WHERE c.archived_at IS NULL
    AND (%(search)s::text = '' OR a.key ILIKE %(pattern)s OR a.name ILIKE %(pattern)s OR a.plain ILIKE %(pattern)s)
ORDER BY
    CASE
        WHEN %(search)s = '' THEN 0
        WHEN lower(%(search)s) IN (a.key, lower(a.name)) THEN 0
        WHEN a.key ILIKE %(prefix)s OR a.name ILIKE %(prefix)s THEN 1
        WHEN a.key ILIKE %(pattern)s OR a.name ILIKE %(pattern)s THEN 2
        ELSE 3
    END,
    c.key, a.key, action_id
LIMIT %(limit)s OFFSET %(offset)s

-- name: action
-- By id (archived ones too: run records name them), or by key within a connector, the closest first.
SELECT action_id, a.account_id, a.connector_id, c.key AS connector_key, connection_id, a.definition::text AS definition,
    made, a.updated_at, a.archived_at
FROM actions AS a
JOIN connectors AS c USING (connector_id)
WHERE (%(connector_id)s::text IS NULL OR connector_id = %(connector_id)s)
    AND (
        action_id = %(selector)s AND (connection_id IS NULL OR %(connection_id)s::text IS NULL OR connection_id = %(connection_id)s)
        OR a.key = %(selector)s AND a.archived_at IS NULL AND %(connector_id)s::text IS NOT NULL
            AND (connection_id IS NULL OR connection_id = %(connection_id)s)
    )
ORDER BY action_id = %(selector)s DESC, connection_id NULLS LAST, a.account_id NULLS LAST
LIMIT 1

-- name: actions_by_id
SELECT action_id, a.account_id, a.connector_id, c.key AS connector_key, connection_id, a.definition::text AS definition,
    made, a.updated_at, a.archived_at
FROM actions AS a
JOIN connectors AS c USING (connector_id)
WHERE action_id = ANY(%(action_ids)s)

-- name: connector_of
-- The connector of a connection of this account.
SELECT connector_id FROM connections WHERE connection_id = %(connection_id)s AND account_id = %(account_id)s

-- name: archived_key
-- The archived action of a key, where another one is to be made.
SELECT action_id FROM actions
WHERE connector_id = %(connector_id)s AND key = %(key)s AND archived_at IS NOT NULL AND made
    AND coalesce(connection_id, '') = coalesce(%(connection_id)s::text, '')
    AND account_id IS NOT DISTINCT FROM %(account_id)s

-- name: keys
-- Keys that are taken where an action is to be made; archived ones too.
SELECT key FROM actions
WHERE connector_id = %(connector_id)s
    AND coalesce(connection_id, '') = coalesce(%(connection_id)s::text, '')
    AND account_id IS NOT DISTINCT FROM %(account_id)s

-- name: save_made
-- An action made by a caller, or its next state.
INSERT INTO actions (
    action_id, account_id, connector_id, connection_id, key, name, definition, plain, document_hash, words, made
)
SELECT %(action_id)s, %(account_id)s, %(connector_id)s, %(connection_id)s, %(key)s, %(name)s, %(definition)s::json,
    %(plain)s, %(document_hash)s,
    setweight(to_tsvector('simple', %(title)s) || to_tsvector('english', %(title)s) || to_tsvector('russian', %(title)s), 'A')
    || setweight(to_tsvector('simple', %(said)s) || to_tsvector('english', %(said)s) || to_tsvector('russian', %(said)s), 'B')
    || setweight(to_tsvector('simple', %(about)s) || to_tsvector('english', %(about)s)
        || to_tsvector('russian', %(about)s), 'C')
    || setweight(to_tsvector('simple', %(app)s), 'D'),
    true
ON CONFLICT (action_id) DO UPDATE SET
    key = excluded.key,
    name = excluded.name,
    definition = excluded.definition,
    plain = excluded.plain,
    document_hash = excluded.document_hash,
    words = excluded.words,
    updated_at = now(),
    archived_at = NULL
RETURNING action_id

-- name: set_archived
-- Only what a caller made can be archived by one.
UPDATE actions
SET archived_at = CASE WHEN %(archived)s THEN now() END, updated_at = now()
WHERE action_id = %(action_id)s AND made AND account_id = %(account_id)s
RETURNING action_id

-- name: count_actions
SELECT count(*) FROM actions
WHERE connector_id = %(connector_id)s AND archived_at IS NULL AND connection_id IS NULL
