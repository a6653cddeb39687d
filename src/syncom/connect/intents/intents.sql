-- Statements of the search by intent. Search works as the tenant: row-level security shows an account its own actions and
-- those that came with the release. The keeper of vectors works as the system.

-- name: fingerprints
-- One row a shelf: the actions of one owner, one connector and (their own) one connection, with a number that changes when
-- any of them does. `xmin` is the transaction that wrote a row last, so no writer has to remember to count anything.
-- All of a workspace's 5,000 actions: one scan, some milliseconds; of some connectors: index actions_own_key.
SELECT of.account_id, of.connector_id, of.connection_id, of.fingerprint # hashtextextended('', c.xmin::text::bigint)
FROM (
    SELECT coalesce(a.account_id, 0) AS account_id, a.connector_id, coalesce(a.connection_id, '') AS connection_id,
           bit_xor(hashtextextended(a.action_id, a.xmin::text::bigint)) AS fingerprint
    FROM actions a
    WHERE a.archived_at IS NULL AND (%(connectors)s::text[] IS NULL OR a.connector_id = ANY(%(connectors)s))
      AND (a.connection_id IS NULL OR a.connection_id = ANY(%(connections)s))
    GROUP BY a.account_id, a.connector_id, a.connection_id
) AS of
JOIN connectors c ON c.connector_id = of.connector_id
WHERE c.archived_at IS NULL;

-- name: connector_of
SELECT connector_id FROM connections WHERE connection_id = %(connection_id)s AND archived_at IS NULL;

-- name: shelf
-- What the actions of one shelf are searched by.
SELECT a.action_id, a.key, a.name, a.document_hash, a.definition ->> 'description' AS description,
       a.definition ->> 'effect' AS effect, a.definition -> 'keywords' AS keywords, a.definition -> 'intents' AS intents,
       coalesce(json_typeof(a.definition -> 'shape') = 'object', false) AS shaped
FROM actions a
WHERE a.archived_at IS NULL AND a.connector_id = %(connector_id)s AND coalesce(a.account_id, 0) = %(account_id)s
  AND coalesce(a.connection_id, '') = %(connection_id)s
ORDER BY a.key;

-- name: connectors
SELECT c.connector_id, c.key, c.name, c.definition -> 'aliases' AS aliases, c.definition -> 'domains' AS domains,
       coalesce((c.definition ->> 'own')::boolean, false) AS own
FROM connectors c
WHERE c.archived_at IS NULL AND c.connector_id = ANY(%(connectors)s);

-- name: vectors
-- Of these actions, as they are now: a vector of an older text has another hash. Index: the primary key.
SELECT v.action_id, v.place, v.vector
FROM action_vectors v JOIN actions a ON a.action_id = v.action_id AND a.document_hash = v.document_hash
WHERE v.model = %(model)s AND v.action_id = ANY(%(actions)s)
ORDER BY v.action_id, v.place;

-- name: actions
-- Those that are still there, whole.
SELECT a.action_id, a.account_id, a.connector_id, c.key AS connector_key, a.connection_id, a.key, a.name, a.definition,
       a.updated_at, a.archived_at
FROM actions a JOIN connectors c ON c.connector_id = a.connector_id
WHERE a.archived_at IS NULL AND c.archived_at IS NULL AND a.action_id = ANY(%(actions)s);

-- name: without_vectors
-- Actions whose vectors by this model are missing or were made of an older text; hand-shaped ones first.
SELECT a.action_id, a.key, a.name, a.document_hash, a.definition ->> 'description' AS description,
       a.definition ->> 'effect' AS effect, a.definition -> 'keywords' AS keywords, a.definition -> 'intents' AS intents,
       coalesce(json_typeof(a.definition -> 'shape') = 'object', false) AS shaped
FROM actions a JOIN connectors c ON c.connector_id = a.connector_id
WHERE a.archived_at IS NULL AND c.archived_at IS NULL
  AND (%(actions)s::text[] IS NULL OR a.action_id = ANY(%(actions)s))
  AND NOT EXISTS (SELECT FROM action_vectors v
                  WHERE v.action_id = a.action_id AND v.model = %(model)s AND v.place = 0
                    AND v.document_hash = a.document_hash)
ORDER BY shaped DESC, a.action_id LIMIT %(limit)s;

-- name: save_vectors
-- Of actions whose text is still the one that the vectors were made of.
INSERT INTO action_vectors (action_id, model, place, document_hash, vector)
SELECT given.action_id, %(model)s, given.place, given.document_hash, given.vector
FROM unnest(%(actions)s::text[], %(places)s::smallint[], %(hashes)s::bytea[], %(vectors)s::bytea[])
         AS given (action_id, place, document_hash, vector)
JOIN actions a ON a.action_id = given.action_id AND a.document_hash = given.document_hash
ORDER BY given.action_id, given.place
ON CONFLICT (action_id, model, place) DO UPDATE
    SET document_hash = excluded.document_hash, vector = excluded.vector;

-- name: forget_older
-- Vectors of texts that these actions no longer have.
DELETE FROM action_vectors v USING actions a
WHERE a.action_id = v.action_id AND v.action_id = ANY(%(actions)s) AND v.document_hash <> a.document_hash;

-- name: forget_other_models
DELETE FROM action_vectors WHERE model <> %(model)s;

-- name: elements
-- Connectors, connections and actions by name, as candidates: the order is made in the process.
SELECT 'connector' AS type, c.connector_id AS element_id, c.key, c.name, c.definition ->> 'description' AS description,
       coalesce(c.definition ->> 'logo', '') AS logo, c.connector_id, c.definition -> 'aliases' AS aliases,
       c.definition -> 'domains' AS domains
FROM connectors c WHERE c.archived_at IS NULL AND 'connector' = ANY(%(types)s)
UNION ALL
SELECT 'connection', n.connection_id, n.key, n.name, '', coalesce(c.definition ->> 'logo', ''), c.connector_id,
       json_build_array(c.key, c.name), '[]'
FROM connections n JOIN connectors c ON c.connector_id = n.connector_id
WHERE n.archived_at IS NULL AND n.tenant_id = %(tenant_id)s AND 'connection' = ANY(%(types)s)
  AND (%(connections)s::text[] IS NULL OR n.connection_id = ANY(%(connections)s));
