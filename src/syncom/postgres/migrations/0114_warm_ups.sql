-- Warm-up: how many messages a new sender may send a day, more each day.
CREATE TABLE IF NOT EXISTS warm_ups (
    sender_id   bigint PRIMARY KEY REFERENCES senders ON DELETE CASCADE,
    account_id  bigint NOT NULL,
    started_on  date NOT NULL,                        -- a day of the account's zone, as the others
    first       integer NOT NULL,                     -- of the first day
    growth      double precision NOT NULL,            -- each day so many times as on the day before
    target      integer NOT NULL,                     -- when a day allows so many, the warm-up is over
    day         date,                                 -- which 'taken' is about
    taken       integer NOT NULL DEFAULT 0            -- of that day's allowance
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
COMMENT ON TABLE warm_ups IS 'Daily allowances of senders that are being warmed up';
GRANT SELECT, DELETE ON warm_ups TO syncom_tenant;
ALTER TABLE warm_ups ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON warm_ups;
CREATE POLICY tenant ON warm_ups TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));
