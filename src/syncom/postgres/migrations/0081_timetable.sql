-- Workflows that let contacts in at times: how far each has come. A row is there while its workflow lets in; it moves on in
-- the transaction that lets contacts in, so nobody is lost or doubled by whoever is killed.
CREATE TABLE IF NOT EXISTS workflow_timetable (
    workflow_id       bigint PRIMARY KEY REFERENCES workflows ON DELETE CASCADE,
    account_id        bigint NOT NULL,
    done_until        timestamptz NOT NULL,              -- whose time came until then has come in
    looking_until     timestamptz,                       -- of a look that is under way
    after_bucket      smallint NOT NULL DEFAULT -1,      -- the last contact it has come to
    after_contact_id  bigint NOT NULL DEFAULT 0,
    next_at           timestamptz NOT NULL               -- when there is something to do
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX IF NOT EXISTS workflow_timetable_next ON workflow_timetable (next_at);
COMMENT ON TABLE workflow_timetable IS 'How far workflows have come that let contacts in at times';

GRANT SELECT, INSERT, UPDATE, DELETE ON workflow_timetable TO syncom_tenant;
ALTER TABLE workflow_timetable ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON workflow_timetable;
CREATE POLICY tenant ON workflow_timetable TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));

-- The same as day_of_field, NULL also for a value that is no date: one contact's must not keep the others out.
CREATE OR REPLACE FUNCTION day_of_field_if_any(
    value text, moment timestamptz, zone text, days integer, at time, yearly boolean
) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN day_of_field(value, moment, zone, days, at, yearly);
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$$;
