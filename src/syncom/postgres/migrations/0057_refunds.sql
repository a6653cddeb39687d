-- Refunds: what a shop gave back of an order, each a fact of its own. An order carries what was refunded of it, so that
-- whoever adds up money reads one row. Sums over currencies mean nothing, so none is kept any more.

-- Of an order that is not known yet they wait under contact 0, which no contact has; so does the order's number.
CREATE TABLE IF NOT EXISTS refunds (
    account_id    bigint NOT NULL,
    bucket        smallint NOT NULL,
    contact_id    bigint NOT NULL,                      -- the order's
    order_number  text NOT NULL,                        -- the order's external_id
    external_id   text NOT NULL,                        -- the refund's number in the shop, unique in its order
    amount        numeric(14, 2),                       -- in the order's currency; NULL: all of it
    refunded_at   timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL,                 -- an older state that arrives late changes nothing
    reason        text NOT NULL DEFAULT '',
    items         jsonb NOT NULL DEFAULT '[]',          -- what came back, as far as the shop says
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, bucket, contact_id, order_number, external_id)
);
COMMENT ON TABLE refunds IS 'What a shop gave back of an order: the newest state of each refund';

ALTER TABLE orders ADD COLUMN IF NOT EXISTS refunded numeric(14, 2) NOT NULL DEFAULT 0;
COMMENT ON COLUMN orders.total IS 'Gross: what the shop says was to pay; net is total - refunded';
COMMENT ON COLUMN orders.refunded IS 'Sum of its refunds, never more than the total: kept by whoever writes either';

ALTER TABLE contact_statistics DROP COLUMN IF EXISTS order_total;

-- What of an order counts as money (rfm/model.py, Revenue), after refunds. Net of shipping and taxes it does not fall
-- below nothing because these were refunded too. The planner puts it in place, so it costs no call.
CREATE OR REPLACE FUNCTION rfm_revenue(counted text, total numeric, refunded numeric, details jsonb) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round(CASE WHEN counted = 'net'
    THEN greatest(
        total - coalesce((details ->> 'shipping')::numeric, 0) - coalesce((details ->> 'taxes')::numeric, 0) - refunded,
        least(0, total - coalesce((details ->> 'shipping')::numeric, 0) - coalesce((details ->> 'taxes')::numeric, 0)))
    ELSE total - refunded END, 2);

GRANT SELECT, INSERT, UPDATE, DELETE ON refunds TO syncom_tenant;
ALTER TABLE refunds ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON refunds;
CREATE POLICY tenant ON refunds TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));
