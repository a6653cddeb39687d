-- Links of messages that lead to a site may tell its script who comes. The operator decides it for each site.
ALTER TABLE sites ADD COLUMN IF NOT EXISTS clicks boolean NOT NULL DEFAULT false;
