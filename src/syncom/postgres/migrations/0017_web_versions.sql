-- Mails as web pages of their own, and what may be cleared away.

-- Contents: `is_viewable`, its mails have a link to their own web page; `attachment_ids`, the files it names;
-- `used_at`, when it was last frozen for a campaign or a message (within a day), so that what was never sent can go
-- soon and what was sent keeps its links. Of contents that are here already nobody knows: they count as used now.
ALTER TABLE contents
    ADD COLUMN IF NOT EXISTS is_viewable boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS attachment_ids bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS used_at timestamptz DEFAULT now();
ALTER TABLE contents ALTER COLUMN used_at DROP DEFAULT;
UPDATE contents
SET attachment_ids = ARRAY(SELECT (file ->> 'attachment_id')::bigint FROM jsonb_array_elements(compiled -> 'attachments') AS file)
WHERE attachment_ids = '{}' AND jsonb_array_length(coalesce(compiled -> 'attachments', '[]')) > 0;
CREATE INDEX IF NOT EXISTS contents_attachments ON contents USING gin (attachment_ids) WHERE attachment_ids <> '{}';
CREATE INDEX IF NOT EXISTS contents_age ON contents ((coalesce(used_at, created_at)));
CREATE INDEX IF NOT EXISTS templates_content ON templates (content_id);
CREATE INDEX IF NOT EXISTS template_languages_content ON template_languages (content_id);
CREATE INDEX IF NOT EXISTS campaigns_content ON campaigns (content_id) WHERE content_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS template_attachments_loose ON template_attachments (attachment_id) WHERE template_id IS NULL;

-- The merge fields of a single message, for its web page: kept only for contents that are viewable, and for a limited
-- time. The queue's own row goes when the message has its end.
CREATE TABLE IF NOT EXISTS message_params (
    account_id  bigint NOT NULL,
    bucket      smallint NOT NULL,
    contact_id  bigint NOT NULL,
    message_id  uuid NOT NULL,
    params      jsonb NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, bucket, contact_id, message_id)
);
-- Rows go in the order they came.
CREATE INDEX IF NOT EXISTS message_params_age ON message_params USING brin (created_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON message_params TO syncom_tenant;
ALTER TABLE message_params ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON message_params;
CREATE POLICY tenant ON message_params TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));

-- Contacts that were erased, so that nothing that is under way or comes late (a click on an old link) is counted or
-- stored for them. Ids are never given again.
CREATE TABLE IF NOT EXISTS erased_contacts (
    account_id  bigint NOT NULL,
    bucket      smallint NOT NULL,
    contact_id  bigint NOT NULL,
    erased_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, bucket, contact_id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON erased_contacts TO syncom_tenant;
ALTER TABLE erased_contacts ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON erased_contacts;
CREATE POLICY tenant ON erased_contacts TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));
