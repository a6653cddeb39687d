-- Channels beside email: gateways for SMS and Viber, campaigns of texts, short links.

-- A sender has one channel: email, or sms for everything that goes to a phone. Each channel has a default sender.
ALTER TABLE senders ADD COLUMN IF NOT EXISTS channel smallint NOT NULL DEFAULT 1;
ALTER TABLE senders DROP CONSTRAINT IF EXISTS senders_kind_check;
ALTER TABLE senders ADD CONSTRAINT senders_kind_check CHECK (kind IN ('smtp', 'inbox', 'gateway'));
CREATE UNIQUE INDEX IF NOT EXISTS senders_default_channel ON senders (account_id, channel) WHERE is_default;
DROP INDEX IF EXISTS senders_default;
GRANT SELECT (channel) ON senders TO syncom_tenant;

ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS channel smallint NOT NULL DEFAULT 1;

-- What the short links of a text lead to: one row a message, looked up by the code alone before its contact is known.
CREATE TABLE IF NOT EXISTS short_links (
    code        text PRIMARY KEY,                   -- twelve letters and digits, made from the message id
    account_id  bigint NOT NULL,
    contact_id  bigint NOT NULL,
    content_id  bigint NOT NULL,                    -- its links are the targets, but for the personal ones
    message_id  uuid NOT NULL,
    channel     smallint NOT NULL,
    targets     jsonb NOT NULL DEFAULT '{}',        -- personal targets by number
    created_at  timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON short_links TO syncom_tenant;
ALTER TABLE short_links ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON short_links;
CREATE POLICY tenant ON short_links TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));

-- Templates of other channels: `source` is the text, `members` what else a message of the channel has.
ALTER TABLE templates DROP CONSTRAINT IF EXISTS templates_format_check;
ALTER TABLE templates ADD CONSTRAINT templates_format_check CHECK (format IN ('html', 'mjml', 'text'));
ALTER TABLE templates ADD COLUMN IF NOT EXISTS members jsonb NOT NULL DEFAULT '{}';
ALTER TABLE template_languages ADD COLUMN IF NOT EXISTS members jsonb NOT NULL DEFAULT '{}';
