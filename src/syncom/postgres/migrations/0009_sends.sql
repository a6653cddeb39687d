-- Sends: what a message was made from, under which id its caller knows it, templates in several languages.

-- What is known of a content without its template, which may change or go: whoever reads the ledger reads it here.
ALTER TABLE contents ADD COLUMN IF NOT EXISTS template_id bigint;           -- null: made for one send
ALTER TABLE contents ADD COLUMN IF NOT EXISTS name text NOT NULL DEFAULT '';
ALTER TABLE contents ADD COLUMN IF NOT EXISTS tags text[] NOT NULL DEFAULT '{}';
ALTER TABLE contents ADD COLUMN IF NOT EXISTS language text NOT NULL DEFAULT '';
ALTER TABLE contents ADD COLUMN IF NOT EXISTS channel smallint NOT NULL DEFAULT 1;
-- SHA-256 of everything that a content made for one send was made from: the same mail again is the same row.
ALTER TABLE contents ADD COLUMN IF NOT EXISTS digest bytea;
CREATE UNIQUE INDEX IF NOT EXISTS contents_digest ON contents (account_id, digest) WHERE digest IS NOT NULL;

-- A template knows its channel, what it is filed under, the language of its texts, and from whom it comes.
ALTER TABLE templates ADD COLUMN IF NOT EXISTS channel smallint NOT NULL DEFAULT 1;
ALTER TABLE templates ADD COLUMN IF NOT EXISTS tags text[] NOT NULL DEFAULT '{}';
ALTER TABLE templates ADD COLUMN IF NOT EXISTS language text NOT NULL DEFAULT '';     -- BCP 47; empty: not said
ALTER TABLE templates ADD COLUMN IF NOT EXISTS sender_id bigint REFERENCES senders ON DELETE SET NULL;
ALTER TABLE templates ADD COLUMN IF NOT EXISTS from_name text NOT NULL DEFAULT '';    -- empty: the sender's own

-- Contents that were there before: those that are a template's present version get to know it.
UPDATE contents c SET template_id = t.template_id, name = t.name
FROM templates t WHERE t.account_id = c.account_id AND t.content_id = c.content_id AND c.template_id IS NULL;

-- Versions of a template in other languages. The template itself is the version for everybody else.
CREATE TABLE IF NOT EXISTS template_languages (
    account_id   bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    template_id  bigint NOT NULL REFERENCES templates ON DELETE CASCADE,
    language     text NOT NULL,                     -- BCP 47, lower case
    subject      text NOT NULL,
    preheader    text NOT NULL DEFAULT '',
    source       text NOT NULL,                     -- in the template's format
    text         text NOT NULL DEFAULT '',
    content_id   bigint NOT NULL,                   -- the compiled form
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, template_id, language)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON template_languages TO syncom_tenant;
ALTER TABLE template_languages ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON template_languages;
CREATE POLICY tenant ON template_languages TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));

-- Frozen at launch beside content_id: {"<language>": content_id}; empty: one content for everybody.
ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS content_languages jsonb NOT NULL DEFAULT '{}';
CREATE INDEX IF NOT EXISTS campaigns_languages ON campaigns (account_id) WHERE content_languages <> '{}';

-- Single messages: their channel, the caller's own id of the request, and a sender's name for this message alone.
ALTER TABLE messages ADD COLUMN IF NOT EXISTS channel smallint NOT NULL DEFAULT 1;
ALTER TABLE messages ADD COLUMN IF NOT EXISTS external_request_id text NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN IF NOT EXISTS from_name text NOT NULL DEFAULT '';

-- The ledger says what was sent (contents; 0: rows from before this migration) and repeats the caller's id.
ALTER TABLE ledger ADD COLUMN IF NOT EXISTS content_id bigint NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN IF NOT EXISTS external_request_id text NOT NULL DEFAULT '';
