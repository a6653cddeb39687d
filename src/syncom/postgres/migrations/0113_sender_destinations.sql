-- How fast a sender may send to one destination (a family of domains such as 'gmail', or a domain), and whether it rests there.
CREATE TABLE IF NOT EXISTS sender_destinations (
    account_id   bigint NOT NULL,
    sender_id    bigint NOT NULL REFERENCES senders ON DELETE CASCADE,
    destination  text NOT NULL,
    rate         double precision,                       -- messages a second at slowed_at; NULL: was never slowed
    ceiling      double precision,                       -- when it has recovered to this it is not slowed any more
    slowed_at    timestamptz NOT NULL DEFAULT '-infinity',
    rests_until  timestamptz NOT NULL DEFAULT '-infinity',
    problem      text NOT NULL DEFAULT '',               -- the server's words
    tokens       double precision NOT NULL DEFAULT 0,    -- of the bucket that all sending processes share
    tokens_at    timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (sender_id, destination)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
COMMENT ON TABLE sender_destinations IS 'Pace of senders by receiving domain: slowed when a provider asks for it, resting when it refuses the sender';
GRANT SELECT ON sender_destinations TO syncom_tenant;
ALTER TABLE sender_destinations ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON sender_destinations;
CREATE POLICY tenant ON sender_destinations TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));
