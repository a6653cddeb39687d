-- Pages of what happened that cost the same wherever they begin, by every filter there is: what a page is chosen by stands
-- before the time in the index, so that the page is a few short stretches of it. Each index takes the place of one that had
-- less in it; its small numbers share the eight bytes that one of them took. Measured: to insert
-- rows takes 11 percent more processor time in the ledger and 15 in the activity.

-- By account: every state and every class, also those that the feed for other systems leaves out.
DROP INDEX IF EXISTS ledger_feed;
CREATE INDEX IF NOT EXISTS ledger_account ON ledger (account_id, state, channel, settled_at);
DROP INDEX IF EXISTS activity_feed;
CREATE INDEX IF NOT EXISTS activity_account ON activity (account_id, kind, channel, class, occurred_at);

-- By campaign; 0: single messages.
DROP INDEX IF EXISTS ledger_trouble;
CREATE INDEX IF NOT EXISTS ledger_campaign ON ledger (account_id, campaign_id, state, channel, settled_at);
DROP INDEX IF EXISTS activity_campaign;
CREATE INDEX activity_campaign ON activity (account_id, campaign_id, kind, channel, class, occurred_at);
