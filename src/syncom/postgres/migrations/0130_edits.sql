-- Two people who edit the same thing: each has a version, which every save raises, whoever saves and by whatever way.
-- A save may say which version it began from (syncom.edited, postgres/edits.py); it is refused when there is a newer one.

ALTER TABLE templates ADD COLUMN IF NOT EXISTS edit_version bigint NOT NULL DEFAULT 1;
ALTER TABLE templates ADD COLUMN IF NOT EXISTS edited_by text NOT NULL DEFAULT '';   -- 'user:7'; '': not by a person
ALTER TABLE templates ADD COLUMN IF NOT EXISTS edited_at timestamptz;
ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS edit_version bigint NOT NULL DEFAULT 1;
ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS edited_by text NOT NULL DEFAULT '';
ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS edited_at timestamptz;
ALTER TABLE segments ADD COLUMN IF NOT EXISTS edit_version bigint NOT NULL DEFAULT 1;
ALTER TABLE segments ADD COLUMN IF NOT EXISTS edited_by text NOT NULL DEFAULT '';
ALTER TABLE segments ADD COLUMN IF NOT EXISTS edited_at timestamptz;
ALTER TABLE workflows ADD COLUMN IF NOT EXISTS edit_version bigint NOT NULL DEFAULT 1;
ALTER TABLE workflows ADD COLUMN IF NOT EXISTS edited_by text NOT NULL DEFAULT '';
ALTER TABLE workflows ADD COLUMN IF NOT EXISTS edited_at timestamptz;
ALTER TABLE forms ADD COLUMN IF NOT EXISTS edit_version bigint NOT NULL DEFAULT 1;
ALTER TABLE forms ADD COLUMN IF NOT EXISTS edited_by text NOT NULL DEFAULT '';
ALTER TABLE forms ADD COLUMN IF NOT EXISTS edited_at timestamptz;
ALTER TABLE senders ADD COLUMN IF NOT EXISTS edit_version bigint NOT NULL DEFAULT 1;
ALTER TABLE senders ADD COLUMN IF NOT EXISTS edited_by text NOT NULL DEFAULT '';
ALTER TABLE senders ADD COLUMN IF NOT EXISTS edited_at timestamptz;
-- Senders are granted column by column, for their secrets.
GRANT SELECT (edit_version, edited_by, edited_at) ON senders TO syncom_tenant;

-- Arguments: the column of the id, then those that people edit. What else changes (a state, a pace) is no edit.
-- It runs for the row as it is under its lock, so of two saves that began from one version the second is refused. The
-- name of who was first is looked up as the owner, because an account may not read the table of people.
CREATE OR REPLACE FUNCTION note_edit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    before jsonb := to_jsonb(OLD);
    after jsonb := to_jsonb(NEW);
    asked jsonb := nullif(current_setting('syncom.edited', true), '')::jsonb;
    field text;
    differs boolean := false;
BEGIN
    IF asked IS NOT NULL AND (asked->>'table' <> TG_TABLE_NAME OR asked->>'id' <> before->>TG_ARGV[0]) THEN
        asked := NULL;
    END IF;
    -- A save may write a row more than once: what it wrote itself is not somebody else's.
    IF asked->>'version' IS NOT NULL AND (asked->>'version')::bigint <> OLD.edit_version
        AND OLD.edit_version::text IS DISTINCT FROM current_setting('syncom.edited_version', true)
    THEN
        RAISE EXCEPTION 'somebody saved this since' USING ERRCODE = 'SY409', DETAIL = jsonb_build_object(
            'version', OLD.edit_version, 'by', OLD.edited_by, 'at', OLD.edited_at,
            'name', (SELECT coalesce(nullif(u.name, ''), u.email) FROM users u
                     WHERE 'user:' || u.user_id = OLD.edited_by))::text;
    END IF;
    FOREACH field IN ARRAY TG_ARGV[1:] LOOP
        differs := differs OR before->field IS DISTINCT FROM after->field;
    END LOOP;
    IF differs THEN
        NEW.edit_version := OLD.edit_version + 1;
        NEW.edited_by := coalesce(asked->>'by', '');
        NEW.edited_at := clock_timestamp();
    END IF;
    IF asked IS NOT NULL THEN
        PERFORM set_config('syncom.edited_version', NEW.edit_version::text, true);
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER note_edit BEFORE UPDATE OF name, source ON templates FOR EACH ROW EXECUTE FUNCTION note_edit(
    'template_id', 'name', 'subject', 'preheader', 'format', 'source', 'text', 'tags', 'language', 'sender_id',
    'from_name', 'members', 'dialect', 'categories');
CREATE OR REPLACE TRIGGER note_edit BEFORE UPDATE OF name ON campaigns FOR EACH ROW EXECUTE FUNCTION note_edit(
    'campaign_id', 'name', 'template_id', 'sender_id', 'audience', 'channel', 'from_name', 'track_links',
    'alternatives');
CREATE OR REPLACE TRIGGER note_edit BEFORE UPDATE OF name, condition ON segments FOR EACH ROW EXECUTE FUNCTION note_edit(
    'segment_id', 'name', 'condition');
CREATE OR REPLACE TRIGGER note_edit BEFORE UPDATE OF name, version, draft ON workflows FOR EACH ROW
    EXECUTE FUNCTION note_edit('workflow_id', 'name', 'version', 'draft');
CREATE OR REPLACE TRIGGER note_edit BEFORE UPDATE OF definition ON forms FOR EACH ROW EXECUTE FUNCTION note_edit(
    'form_id', 'definition');
CREATE OR REPLACE TRIGGER note_edit BEFORE UPDATE OF name, config ON senders FOR EACH ROW EXECUTE FUNCTION note_edit(
    'sender_id', 'name', 'from_email', 'from_name', 'reply_to', 'config', 'is_default');
