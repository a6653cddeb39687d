-- Caps: a marketing message claims its place among those that its contact may get, before it is sent.
CREATE TABLE IF NOT EXISTS message_claims (
    account_id  bigint NOT NULL,
    bucket      smallint NOT NULL,
    contact_id  bigint NOT NULL,
    claims      jsonb NOT NULL,                -- message id → [seconds since 1970, channel]
    asked       jsonb NOT NULL,                -- the one that was asked for last, whether it was placed or not
    known_from  timestamptz NOT NULL,          -- everything since then is in it
    filled_at   timestamptz NOT NULL,          -- when it was last read from what was sent
    PRIMARY KEY (account_id, bucket, contact_id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
COMMENT ON TABLE message_claims IS 'Marketing messages that contacts got lately or are about to get, for caps';
GRANT SELECT ON message_claims TO syncom_tenant;
ALTER TABLE message_claims ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON message_claims;
CREATE POLICY tenant ON message_claims TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));

-- How many of a contact's claims are younger than a moment, of these channels (empty: of all).
CREATE OR REPLACE FUNCTION count_claims(claims jsonb, since timestamptz, channels smallint[]) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT count(*) FROM jsonb_each(claims) AS e (key, value)
    WHERE (e.value ->> 0)::float8 > extract(epoch FROM since)::float8
        AND (cardinality(channels) = 0 OR (e.value ->> 1)::smallint = ANY (channels))
$$;

-- Those of a contact's claims that are younger than a moment.
CREATE OR REPLACE FUNCTION claims_since(claims jsonb, since timestamptz) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}') FROM jsonb_each(claims) AS e (key, value)
    WHERE (e.value ->> 0)::float8 > extract(epoch FROM since)::float8
$$;

-- A contact's claims with the one that is asked for, if it is among them or no cap is reached; else without. Caps are columns:
-- how many, since when, and of which channels as an array literal.
CREATE OR REPLACE FUNCTION place_claim(claims jsonb, asked jsonb, messages integer[], sinces timestamptz[], channels text[])
RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN EXISTS (SELECT FROM jsonb_object_keys(asked) AS k (key) WHERE claims ? k.key) THEN claims
        WHEN EXISTS (SELECT FROM unnest(messages, sinces, channels) AS cap (messages, since, channels)
                     WHERE count_claims(claims, cap.since, cap.channels::smallint[]) >= cap.messages) THEN claims
        ELSE claims || asked
    END
$$;

-- Marketing messages of contacts, also of those merged into them: of campaigns once they were sent, of workflows once they
-- were queued, unless they were not sent after all. Indexes: ledger_contact, workflow_messages_contact, merged_contacts_into.
CREATE OR REPLACE VIEW marketing_messages WITH (security_invoker = true) AS
SELECT s.account_id, s.bucket, s.contact_id, s.occurred_at, s.channel, s.message_id
FROM contact_sends s WHERE s.campaign_id <> 0
UNION ALL
SELECT g.account_id, g.bucket, g.contact_id, g.queued_at, coalesce(l.channel, q.channel, 1::smallint), g.message_id
FROM (
    SELECT w.account_id, w.bucket, w.contact_id, w.queued_at, w.message_id, w.bucket AS home FROM workflow_messages w
    WHERE NOT w.is_copy
    UNION ALL
    SELECT m.account_id, (m.into_contact_id & 255)::smallint, m.into_contact_id, w.queued_at, w.message_id, w.bucket
    FROM merged_contacts m
    JOIN workflow_messages w ON w.account_id = m.account_id AND w.bucket = m.bucket AND w.contact_id = m.contact_id
    WHERE NOT w.is_copy
) AS g
LEFT JOIN ledger l ON l.account_id = g.account_id AND l.bucket = g.home AND l.message_id = g.message_id
LEFT JOIN messages q ON q.message_id = g.message_id
WHERE coalesce(l.state, 1) NOT IN (2, 3, 4);
GRANT SELECT ON marketing_messages TO syncom_tenant;
