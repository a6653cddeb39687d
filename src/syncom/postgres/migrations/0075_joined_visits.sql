-- What visitors of sites did before it was known who they are becomes their contact's.

-- Events of nobody, by visitor. An index of few rows: those of known contacts are not in it.
CREATE INDEX IF NOT EXISTS events_visitor ON events (account_id, left(params ->> 'sc', 100), occurred_at)
    WHERE contact_id = 0 AND params ? 'sc';

-- Where a visitor was said to be this contact: only what happened on these sites is joined.
ALTER TABLE site_visitors ADD COLUMN IF NOT EXISTS site_ids uuid[] NOT NULL DEFAULT '{}';

-- The event was recorded before it was known whose it is: it starts nothing.
ALTER TABLE followed_events ADD COLUMN IF NOT EXISTS joined boolean NOT NULL DEFAULT false;
