-- The feed: what happened to an account's messages in the order of time, for exports and outgoing webhooks.

-- A hit knows the content it came from, so that its link has a target and its message a name without a look-up.
ALTER TABLE activity ADD COLUMN IF NOT EXISTS content_id bigint NOT NULL DEFAULT 0;     -- 0: rows from before

-- A page of the feed begins at a moment and stops after so many rows, in any account, whatever its neighbours do and in
-- whatever order rows came in. The BRIN indexes on time cannot: they find spans of everybody's rows. The state and the
-- kind stand before the time, so that a rare one is found at once; what the feed leaves out is not in them.
CREATE INDEX IF NOT EXISTS ledger_feed ON ledger (account_id, state, settled_at) WHERE state IN (1, 2, 5);
CREATE INDEX IF NOT EXISTS activity_feed ON activity (account_id, kind, occurred_at) WHERE class <> 1;
-- The same by content, for single messages; a campaign has its own index.
CREATE INDEX IF NOT EXISTS ledger_single_content ON ledger (account_id, content_id, settled_at) WHERE campaign_id = 0;
CREATE INDEX IF NOT EXISTS activity_single_content ON activity (account_id, content_id, occurred_at)
    WHERE campaign_id = 0;
CREATE INDEX IF NOT EXISTS contents_tags ON contents USING gin (tags) WHERE tags <> '{}';

-- What a campaign says in place of its template.
ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS from_name text NOT NULL DEFAULT '';      -- empty: that of the template
ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS track_links boolean NOT NULL DEFAULT true;
