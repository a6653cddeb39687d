-- Campaigns with a fall-back order: for whom the first channel is none, the next one is used.

-- In their order, after the campaign's own: [{"channel", "template_id", "sender_id", "group_id", "content_id",
-- "content_languages"}]; the contents are frozen at launch.
ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS alternatives jsonb NOT NULL DEFAULT '[]';
-- The channel by which this chunk's contacts are reached; 0: the campaign's own.
ALTER TABLE campaign_chunks ADD COLUMN IF NOT EXISTS channel smallint NOT NULL DEFAULT 0;
