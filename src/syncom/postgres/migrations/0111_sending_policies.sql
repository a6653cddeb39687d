-- When and how much may be sent: an account's policy, and campaigns that go out at a local time of each contact.
CREATE TABLE IF NOT EXISTS sending_policies (
    account_id      bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    policy          jsonb NOT NULL DEFAULT '{}',         -- messages/policy/model.py, Policy
    counting_since  timestamptz,                         -- since when every marketing message claims its place; NULL: none does
    counting_days   integer NOT NULL DEFAULT 0,          -- for so long claims are remembered
    updated_at      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sending_policies IS 'Quiet hours, caps and limits of an account; no row: none';
GRANT SELECT, INSERT, UPDATE, DELETE ON sending_policies TO syncom_tenant;
ALTER TABLE sending_policies ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON sending_policies;
CREATE POLICY tenant ON sending_policies TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));

ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS local_at timestamp;   -- wall time in each contact's zone; NULL: one moment for all
ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS late text NOT NULL DEFAULT 'send';    -- campaigns/model.py, Late

-- Chunks that may not go yet; NULL: at once. They have an index of their own, so that those that may go are found as before.
ALTER TABLE campaign_chunks ADD COLUMN IF NOT EXISTS due_at timestamptz;
CREATE INDEX IF NOT EXISTS campaign_chunks_timed ON campaign_chunks (sender_id, due_at)
    WHERE worker_id IS NULL AND due_at IS NOT NULL;
DROP INDEX IF EXISTS campaign_chunks_ready;
CREATE INDEX IF NOT EXISTS campaign_chunks_ready ON campaign_chunks (sender_id, campaign_id, chunk_no)
    WHERE worker_id IS NULL AND due_at IS NULL;
