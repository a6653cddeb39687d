-- Who listens to what happens is told when it does, and need not look for it all the time.
CREATE OR REPLACE FUNCTION tell_happened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A notification makes commits wait for each other: none for statements that log nothing.
    IF EXISTS (SELECT FROM logged) THEN
        NOTIFY syncom_happened;
    END IF;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER told AFTER INSERT ON followed_events REFERENCING NEW TABLE AS logged
    FOR EACH STATEMENT EXECUTE FUNCTION tell_happened();
CREATE OR REPLACE TRIGGER told AFTER INSERT ON followed_moves REFERENCING NEW TABLE AS logged
    FOR EACH STATEMENT EXECUTE FUNCTION tell_happened();
