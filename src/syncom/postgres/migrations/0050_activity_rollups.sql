-- Rollups: what reports read instead of facts, written in the transaction that writes the facts.

-- Counts of facts, each in the grain that its chart needs. One narrow table, so that whoever writes facts adds to all
-- rollups in one statement, and a recount compares one table.
--
-- dimension   value                                      hour
-- 0           '1' email, '2' SMS, ... (the channel)      the hour, UTC
-- 1           domain of the recipient's mail address     the first of the day, UTC
-- 2 to 5      device, mail client, system, country       the first of the day, UTC
--
-- campaign_id is a campaign's, 0 for single messages, -1 for the whole account. By channel there are no campaigns:
-- campaign_statistics has their hours. Writers use their own shard, so that they never wait for each other:
-- what counts hits 0, sending processes 1 to 16, what they left when they died 17, requests 32, the keeper of campaigns
-- -1, erasures -2, recounts -3.
CREATE TABLE IF NOT EXISTS activity_rollups (
    account_id   bigint NOT NULL,
    dimension    smallint NOT NULL,
    campaign_id  bigint NOT NULL,
    hour         timestamptz NOT NULL,
    value        text COLLATE "C" NOT NULL,          -- empty: not known
    kind         smallint NOT NULL,                  -- activity.rollups.model.RollupKind
    shard        smallint NOT NULL,
    count        bigint NOT NULL,
    PRIMARY KEY (account_id, dimension, campaign_id, hour, value, kind, shard)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
GRANT SELECT, INSERT, UPDATE, DELETE ON activity_rollups TO syncom_tenant;
ALTER TABLE activity_rollups ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON activity_rollups;
CREATE POLICY tenant ON activity_rollups TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));

-- What a hit's agent and address said when it was recorded: too coarse to tell a person by, so it outlives both when a
-- contact is erased, and a newer parser changes nothing that was counted. Empty: not known, or from before.
ALTER TABLE activity ADD COLUMN IF NOT EXISTS device text NOT NULL DEFAULT '';
ALTER TABLE activity ADD COLUMN IF NOT EXISTS client text NOT NULL DEFAULT '';
ALTER TABLE activity ADD COLUMN IF NOT EXISTS os text NOT NULL DEFAULT '';
ALTER TABLE activity ADD COLUMN IF NOT EXISTS country text NOT NULL DEFAULT '';   -- ISO 3166-1 alpha-2

-- Domain of the mail address of a message's contact when somebody reacted first; it goes with the contact.
ALTER TABLE engagements ADD COLUMN IF NOT EXISTS domain text;

-- Days whose rollups are still to be made of facts from before this migration; the worker takes one after the other and
-- moves on in the same transaction. No row: all of an account's are there.
CREATE TABLE IF NOT EXISTS rollup_rebuilds (
    account_id   bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    next_day     date NOT NULL,
    last_day     date NOT NULL
);
GRANT SELECT ON rollup_rebuilds TO syncom_tenant;
ALTER TABLE rollup_rebuilds ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON rollup_rebuilds;
CREATE POLICY tenant ON rollup_rebuilds TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));
INSERT INTO rollup_rebuilds (account_id, next_day, last_day)
SELECT account_id, (created_at AT TIME ZONE 'UTC')::date - 1, (now() AT TIME ZONE 'UTC')::date + 1 FROM accounts
ON CONFLICT DO NOTHING;
