-- Keys that only one event of a type may have, kept for at least 90 days after it was recorded. They stand beside the events,
-- and not in an index of theirs: events are partitioned by the time they happened, and the same event reported with another
-- time would lie in another partition. Distributed by value, like identities.
CREATE TABLE IF NOT EXISTS event_keys (
    account_id   bigint NOT NULL,
    dedupe_hash  uuid NOT NULL,                         -- BLAKE2b of type and key
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, dedupe_hash)
);
CREATE INDEX IF NOT EXISTS event_keys_time ON event_keys USING brin (recorded_at);
COMMENT ON TABLE event_keys IS 'Keys that only one event of a type may have';
ALTER TABLE event_keys ENABLE ROW LEVEL SECURITY;
