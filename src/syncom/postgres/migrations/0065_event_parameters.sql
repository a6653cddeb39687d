-- Kinds of values that parameters of events have.

-- What users say a parameter is: {"sum": "number"}. Events that bring anything else are refused.
ALTER TABLE event_types ADD COLUMN IF NOT EXISTS declared jsonb NOT NULL DEFAULT '{}';

-- What was seen, counted by kind: sums, so that the order in which processes add to them does not matter.
CREATE TABLE IF NOT EXISTS event_parameters (
    account_id     bigint NOT NULL,
    event_type_id  bigint NOT NULL REFERENCES event_types ON DELETE CASCADE,
    name           text NOT NULL,
    booleans       bigint NOT NULL DEFAULT 0,
    numbers        bigint NOT NULL DEFAULT 0,
    datetimes      bigint NOT NULL DEFAULT 0,
    strings        bigint NOT NULL DEFAULT 0,
    arrays         bigint NOT NULL DEFAULT 0,
    objects        bigint NOT NULL DEFAULT 0,
    last_seen_at   timestamptz NOT NULL,                -- when the newest event that brought it happened
    PRIMARY KEY (account_id, event_type_id, name)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
COMMENT ON TABLE event_parameters IS 'Kinds of values seen in parameters of events';

GRANT SELECT ON event_parameters TO syncom_tenant;
ALTER TABLE event_parameters ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON event_parameters;
CREATE POLICY tenant ON event_parameters TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));
