-- Predictions: the fitted models of an account, and what they say of each customer.

CREATE TABLE IF NOT EXISTS prediction_models (
    account_id        bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    model             jsonb,                    -- rfm/predictions/model.py, Model; null: nothing could be fitted
    problem           text NOT NULL DEFAULT '', -- why not
    fitted_at         timestamptz,
    predicted_at      timestamptz
);
COMMENT ON TABLE prediction_models IS 'The models that predictions of an account are made with';

CREATE TABLE IF NOT EXISTS contact_predictions (
    account_id      bigint NOT NULL,
    bucket          smallint NOT NULL,
    contact_id      bigint NOT NULL,
    orders_30_days  numeric(10, 4) NOT NULL,
    orders_90_days  numeric(10, 4) NOT NULL,
    churn           numeric(5, 4),              -- null: ordered on one day only, of which the model says nothing
    next_order_on   date,                       -- null: not to be expected
    order_value     numeric(20, 2),             -- null: orders have no amounts
    lifetime_value  numeric(20, 2),
    predicted_at    timestamptz NOT NULL,
    PRIMARY KEY (account_id, bucket, contact_id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
COMMENT ON TABLE contact_predictions IS 'What to expect of each contact with completed orders';

GRANT SELECT, INSERT, UPDATE, DELETE ON prediction_models, contact_predictions TO syncom_tenant;
DO $$
DECLARE
    owned text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['prediction_models', 'contact_predictions'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned);
        EXECUTE format('DROP POLICY IF EXISTS tenant ON %I', owned);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO syncom_tenant '
            'USING (account_id = (SELECT nullif(current_setting(''syncom.account_id'', true), '''')::bigint))', owned);
    END LOOP;
END $$;

DO $$
DECLARE
    event text;
BEGIN
    FOREACH event IN ARRAY ARRAY['INSERT', 'UPDATE', 'DELETE'] LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER %s ON contact_predictions REFERENCING %s TABLE AS changed '
            'FOR EACH STATEMENT EXECUTE FUNCTION tell_contact_changes(256)',
            'tell_' || lower(event), event, CASE event WHEN 'DELETE' THEN 'OLD' ELSE 'NEW' END);
    END LOOP;
END $$;
