-- Hits are counted in lanes: contacts with even ids in one, with odd ids in the other, each by a connection of its own. They
-- meet on no row of a contact, and each adds to shared counters under a shard of its own (activity_rollups: 0 and 64).
ALTER TABLE activity_journal ADD COLUMN IF NOT EXISTS lane smallint;   -- NULL: of both, from before there were lanes
