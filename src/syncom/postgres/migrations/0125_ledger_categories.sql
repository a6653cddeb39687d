-- The ledger keeps what a single message was sent under, so that its consent can be shown by the rule that held.

-- Keys of subscription categories, also of those that are gone since; NULL: none, or a message of a campaign, which keeps them in its
-- frozen audience. Rows from before this migration have none.
ALTER TABLE ledger ADD COLUMN IF NOT EXISTS categories text[];
