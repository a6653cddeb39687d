-- Who came and went is kept by segment: one row for all who moved in one pass of the keeper. A row for each contact and segment,
-- with its two index entries, was a fifth of the work of a pass, and took ten times the room.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'segment_moves'::regclass AND attname = 'contact_id') THEN
        CREATE TEMP TABLE moves_before ON COMMIT DROP AS
        SELECT account_id, segment_id, moved_at, cause,
            coalesce(array_agg(contact_id ORDER BY contact_id) FILTER (WHERE entered), '{}') AS entered,
            coalesce(array_agg(contact_id ORDER BY contact_id) FILTER (WHERE NOT entered), '{}') AS left_it
        FROM segment_moves GROUP BY account_id, segment_id, moved_at, cause;
        DROP TABLE segment_moves;
    END IF;
END
$$;

CREATE TABLE IF NOT EXISTS segment_moves (
    account_id   bigint NOT NULL,
    bucket       smallint NOT NULL,                 -- of the segment
    segment_id   bigint NOT NULL,
    moved_at     timestamptz NOT NULL,
    cause        smallint NOT NULL,                 -- segments/model.py, MoveCause
    entered      bigint[] NOT NULL,                 -- contacts
    left_it      bigint[] NOT NULL
) PARTITION BY RANGE (moved_at);
CREATE INDEX IF NOT EXISTS segment_moves_segment ON segment_moves (account_id, bucket, segment_id, moved_at);
CREATE TABLE IF NOT EXISTS segment_moves_default PARTITION OF segment_moves DEFAULT;
ALTER TABLE segment_moves ALTER COLUMN entered SET STORAGE EXTERNAL, ALTER COLUMN left_it SET STORAGE EXTERNAL;
COMMENT ON TABLE segment_moves IS 'Contacts entering and leaving segments, but for the first filling of a segment';
GRANT SELECT ON segment_moves TO syncom_tenant;
ALTER TABLE segment_moves ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON segment_moves;
CREATE POLICY tenant ON segment_moves TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));

DO $$
DECLARE
    month date;
BEGIN
    IF to_regclass('pg_temp.moves_before') IS NOT NULL THEN
        FOR month IN SELECT DISTINCT date_trunc('month', moved_at AT TIME ZONE 'UTC')::date FROM moves_before LOOP
            EXECUTE format('CREATE TABLE IF NOT EXISTS segment_moves_%s PARTITION OF segment_moves FOR VALUES FROM (%L) TO (%L)',
                to_char(month, 'YYYY_MM'), month || ' 00:00+00', (month + interval '1 month')::date || ' 00:00+00');
        END LOOP;
        INSERT INTO segment_moves (account_id, bucket, segment_id, moved_at, cause, entered, left_it)
        SELECT account_id, segment_id & 255, segment_id, moved_at, cause, entered, left_it FROM moves_before;
    END IF;
END
$$;

-- Erased contacts that moves still name. Nobody is shown them meanwhile.
ALTER TABLE erased_contacts ADD COLUMN IF NOT EXISTS moves_forgotten boolean NOT NULL DEFAULT false;
CREATE INDEX IF NOT EXISTS erased_contacts_moves ON erased_contacts (erased_at) WHERE NOT moves_forgotten;
