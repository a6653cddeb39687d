-- Actions of documents and actions that callers made stand beside each other.
ALTER TABLE actions ADD COLUMN IF NOT EXISTS made boolean NOT NULL DEFAULT false;  -- by a caller, not by a document

-- json keeps the order of members, in which forms and schemas are shown; jsonb does not.
ALTER TABLE connectors ALTER COLUMN definition TYPE json;
ALTER TABLE actions ALTER COLUMN definition TYPE json;

-- Two accounts may each have an action of their own on a connector that came with the release.
CREATE UNIQUE INDEX IF NOT EXISTS actions_own_key
    ON actions (connector_id, coalesce(connection_id, ''), coalesce(account_id, 0), key);
DROP INDEX IF EXISTS actions_key;
