-- Groups of senders: a sender that sends through others. Where a sender may be named, a group may.

-- The application knows the kinds (messages/model.py: SenderKind); each has its own settings, which it checks.
ALTER TABLE senders DROP CONSTRAINT IF EXISTS senders_kind_check;
ALTER TABLE senders ADD CONSTRAINT senders_kind_check CHECK (kind <> '');

-- Since when something stands between a sender and its peer, and when that was last seen.
ALTER TABLE senders ADD COLUMN IF NOT EXISTS trouble_since timestamptz;
ALTER TABLE senders ADD COLUMN IF NOT EXISTS trouble_at timestamptz;
GRANT SELECT (trouble_since, trouble_at) ON senders TO syncom_tenant;

CREATE TABLE IF NOT EXISTS sender_group_members (
    group_id    bigint NOT NULL REFERENCES senders ON DELETE CASCADE,
    -- No reference: a sender that was deleted stays a member until others have what lies with it.
    sender_id   bigint NOT NULL,
    account_id  bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    weight      integer NOT NULL CHECK (weight BETWEEN 1 AND 1000),
    priority    smallint NOT NULL CHECK (priority BETWEEN 1 AND 100),   -- the lowest one with somebody able has all
    is_leaving  boolean NOT NULL DEFAULT false,     -- taken out of the group; the same as one that was deleted
    PRIMARY KEY (group_id, sender_id)
);
CREATE INDEX IF NOT EXISTS sender_group_members_sender ON sender_group_members (sender_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON sender_group_members TO syncom_tenant;
ALTER TABLE sender_group_members ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON sender_group_members;
CREATE POLICY tenant ON sender_group_members TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));

-- Members as those who deal see them. A member in trouble for longer than the group waits is passed over; when nobody
-- has seen its trouble for two minutes, since nothing is given to it any more, it is tried again.
CREATE OR REPLACE VIEW group_members WITH (security_invoker = true) AS
SELECT m.account_id, m.group_id, m.sender_id, m.weight, m.priority,
       s.sender_id IS NOT NULL AND NOT m.is_leaving AS is_present,
       s.sender_id IS NOT NULL AND NOT m.is_leaving
           AND coalesce(s.paused_until <= now(), true)
           AND NOT coalesce(s.trouble_since <= now() - make_interval(secs => (g.config ->> 'failover_after')::float8)
                            AND s.trouble_at > now() - interval '2 minutes', false) AS is_able
FROM sender_group_members m
JOIN senders g ON g.sender_id = m.group_id
LEFT JOIN senders s ON s.sender_id = m.sender_id;
GRANT SELECT ON group_members TO syncom_tenant;

-- What is sent through a group lies with a member, and knows the group. Zero: a sender was named, and nobody else may.
ALTER TABLE campaign_chunks ADD COLUMN IF NOT EXISTS group_id bigint NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN IF NOT EXISTS group_id bigint NOT NULL DEFAULT 0;
CREATE INDEX IF NOT EXISTS campaign_chunks_group ON campaign_chunks (group_id, sender_id)
    WHERE group_id <> 0 AND worker_id IS NULL;
CREATE INDEX IF NOT EXISTS messages_group ON messages (group_id, sender_id) WHERE group_id <> 0 AND worker_id IS NULL;

-- Recipients dealt to each member so far, with the members between whom: {"between": "1:2 5:1", "dealt": {"1": 2000}}.
ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS dealt jsonb NOT NULL DEFAULT '{}';
