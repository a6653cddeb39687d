-- Carts: what lies in them now, and which were abandoned.

-- Events of these types are about carts, whatever workflows follow: they go into followed_events.
ALTER TABLE event_types ADD COLUMN IF NOT EXISTS about_carts boolean
    GENERATED ALWAYS AS (key IN ('cartUpdated', 'itemsPurchased')) STORED;

CREATE TABLE IF NOT EXISTS cart_settings (
    account_id     bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    idle_minutes   integer NOT NULL DEFAULT 60,
    recovery_days  integer NOT NULL DEFAULT 7
);
COMMENT ON TABLE cart_settings IS 'When an account takes a cart for abandoned, and until when for recovered';

-- Known by the shop's own id of the cart before anybody knows whose it is: distributed by value, like identities.
CREATE TABLE IF NOT EXISTS carts (
    account_id   bigint NOT NULL,
    cart         text NOT NULL,                     -- recycleStateId; without one 'visitor:…' or 'contact:…'
    contact_id   bigint NOT NULL DEFAULT 0,         -- 0: of nobody who is known
    -- The newest event that named somebody, the newest state, and the newest purchase: by time, then by event.
    named_at     timestamptz,
    named_by     uuid,
    changed_at   timestamptz,                       -- NULL: only a purchase is known
    changed_by   uuid,
    ordered_at   timestamptz,
    items        jsonb NOT NULL DEFAULT '[]',
    value        numeric(14, 2) NOT NULL DEFAULT 0,
    currency     text NOT NULL DEFAULT '',
    url          text NOT NULL DEFAULT '',
    told         uuid,                              -- the state that was last looked at as abandoned: changed_by of then
    due_at       timestamptz,                       -- when it is abandoned; NULL: empty, ordered, of nobody, or told
    PRIMARY KEY (account_id, cart)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX IF NOT EXISTS carts_due ON carts (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS carts_contact ON carts (account_id, contact_id) WHERE contact_id <> 0;
COMMENT ON TABLE carts IS 'The newest state of each cart';

CREATE TABLE IF NOT EXISTS abandoned_carts (
    account_id    bigint NOT NULL,
    bucket        smallint NOT NULL,
    contact_id    bigint NOT NULL,
    cart          text NOT NULL,
    changed_at    timestamptz NOT NULL,             -- of the state that was abandoned
    abandoned_at  timestamptz NOT NULL,             -- changed_at and the idle time of then
    value         numeric(14, 2) NOT NULL,
    currency      text NOT NULL,
    PRIMARY KEY (account_id, bucket, contact_id, cart, changed_at)
);
CREATE INDEX IF NOT EXISTS abandoned_carts_contact ON abandoned_carts (account_id, bucket, contact_id, changed_at);
CREATE INDEX IF NOT EXISTS abandoned_carts_time ON abandoned_carts (account_id, abandoned_at);
COMMENT ON TABLE abandoned_carts IS 'States of carts that were left: each told once';

GRANT SELECT, INSERT, UPDATE, DELETE ON cart_settings, carts, abandoned_carts TO syncom_tenant;
DO $$
DECLARE
    owned text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['cart_settings', 'carts', 'abandoned_carts'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned);
        EXECUTE format('DROP POLICY IF EXISTS tenant ON %I', owned);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO syncom_tenant '
            'USING (account_id = (SELECT nullif(current_setting(''syncom.account_id'', true), '''')::bigint))', owned);
    END LOOP;
END $$;
