-- Parts of texts wait in one table, whether an SMSC brings them or a gateway over HTTP.
-- A row is a text that comes in parts. It is told when it is whole, or at `give_up_at` as it is; a told one stays until
-- `forget_at`, so that a part that comes twice is known.
ALTER TABLE incomplete_texts ADD COLUMN IF NOT EXISTS sent_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE incomplete_texts ADD COLUMN IF NOT EXISTS give_up_at timestamptz NOT NULL DEFAULT now() + interval '10 minutes';
ALTER TABLE incomplete_texts ADD COLUMN IF NOT EXISTS forget_at timestamptz NOT NULL DEFAULT now() + interval '10 minutes';
CREATE INDEX IF NOT EXISTS incomplete_texts_waiting ON incomplete_texts (give_up_at) WHERE NOT is_told;
CREATE INDEX IF NOT EXISTS incomplete_texts_told ON incomplete_texts (forget_at) WHERE is_told;
DROP INDEX IF EXISTS incomplete_texts_age;
COMMENT ON TABLE incomplete_texts IS 'Texts of people that come in parts';
COMMENT ON COLUMN incomplete_texts.parts IS 'By number: octets (base64), codec, the peer''s id of the part';

DO $$
BEGIN
    IF to_regclass('inbound_parts') IS NULL THEN
        RETURN;
    END IF;
    -- There are few rows, of minutes: what is locked is free at once.
    ALTER TABLE incomplete_texts ALTER COLUMN reference TYPE text USING reference::text;
    UPDATE incomplete_texts SET
        parts = (SELECT jsonb_object_agg(number, part || '[""]') FROM jsonb_each(parts) AS old (number, part)),
        sent_at = begun_at, give_up_at = begun_at + interval '10 minutes', forget_at = begun_at + interval '10 minutes'
    WHERE EXISTS (SELECT FROM jsonb_each(parts) AS old (number, part) WHERE jsonb_array_length(part) = 2);
    INSERT INTO incomplete_texts (sender_id, from_address, to_address, reference, total, parts, begun_at, sent_at, give_up_at,
        forget_at)
    SELECT sender_id, phone, min(recipient), reference, total,
        jsonb_object_agg(part, jsonb_build_array(
            translate(encode(convert_to(text, 'UTF8'), 'base64'), E'\n', ''), 'utf-8', peer_id)),
        min(received_at), min(sent_at), min(received_at) + interval '1 hour', min(received_at) + interval '3 days'
    FROM inbound_parts GROUP BY sender_id, phone, reference, total
    ON CONFLICT DO NOTHING;
    DROP TABLE inbound_parts;
END $$;
