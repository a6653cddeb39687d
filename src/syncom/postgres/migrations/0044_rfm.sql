-- RFM: scores and classes of customers, the boundaries they are made with, and the history of classes.

CREATE TABLE IF NOT EXISTS rfm_settings (
    account_id        bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    statuses          text[] NOT NULL DEFAULT '{DELIVERED}',    -- in capitals: of orders that count
    currency          text NOT NULL DEFAULT '',                 -- whose amounts count; empty: all as they are
    revenue           text NOT NULL DEFAULT 'total',            -- rfm/model.py, Revenue
    window_days       integer,
    thresholds        jsonb,                                    -- null: quintiles
    -- What scores are made with until the boundaries are renewed. All null: there was no customer.
    bounded_at        timestamptz,
    from_at           timestamptz,
    recency_bounds    timestamptz[],
    frequency_bounds  bigint[],
    monetary_bounds   numeric[],
    -- When all scores were last made anew, whether or not there were customers.
    recomputed_at     timestamptz
);
COMMENT ON TABLE rfm_settings IS 'How an account scores its customers, and the boundaries in force';

CREATE TABLE IF NOT EXISTS rfm_scores (
    account_id     bigint NOT NULL,
    bucket         smallint NOT NULL,
    contact_id     bigint NOT NULL,
    recency        smallint NOT NULL,
    frequency      smallint NOT NULL,
    monetary       smallint NOT NULL,
    class          smallint NOT NULL,       -- segments/rfm_classes.py
    orders         bigint NOT NULL,
    revenue        numeric(20, 2) NOT NULL,
    last_order_at  timestamptz NOT NULL,
    computed_at    timestamptz NOT NULL,
    PRIMARY KEY (account_id, bucket, contact_id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
COMMENT ON TABLE rfm_scores IS 'Scores 1 to 5 and class of each contact with completed orders in the window';

CREATE TABLE IF NOT EXISTS rfm_history (
    account_id  bigint NOT NULL,
    bucket      smallint NOT NULL,
    contact_id  bigint NOT NULL,
    day         date NOT NULL,              -- UTC
    class       smallint NOT NULL,          -- 0: no customer any more
    PRIMARY KEY (account_id, bucket, contact_id, day)
);
COMMENT ON TABLE rfm_history IS 'The class at the end of each day on which it changed: a day without a row is like the one before';

GRANT SELECT, INSERT, UPDATE, DELETE ON rfm_settings, rfm_scores, rfm_history TO syncom_tenant;
DO $$
DECLARE
    owned text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['rfm_settings', 'rfm_scores', 'rfm_history'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned);
        EXECUTE format('DROP POLICY IF EXISTS tenant ON %I', owned);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO syncom_tenant '
            'USING (account_id = (SELECT nullif(current_setting(''syncom.account_id'', true), '''')::bigint))', owned);
    END LOOP;
END $$;
