-- Contacts that were merged into another one. Messages, ledger, activity and engagements of the dropped contact
-- stay where they are, because a message id ends in the bucket of the contact it was made for; whoever reads the
-- history of a contact reads that of the contacts merged into it too, and whoever gets a late fact of a dropped
-- contact (an unsubscribe link in an old mail) finds here whom it is about now.
CREATE TABLE IF NOT EXISTS merged_contacts (
    account_id    bigint NOT NULL,
    bucket        smallint NOT NULL,                -- of the dropped contact
    contact_id    bigint NOT NULL,                  -- dropped
    into_contact_id bigint NOT NULL,                -- always one that exists: chains are shortened when they grow
    merged_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, bucket, contact_id)
);
CREATE INDEX IF NOT EXISTS merged_contacts_into ON merged_contacts (account_id, into_contact_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON merged_contacts TO syncom_tenant;
ALTER TABLE merged_contacts ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON merged_contacts;
CREATE POLICY tenant ON merged_contacts TO syncom_tenant
    USING (account_id = (SELECT nullif(current_setting('syncom.account_id', true), '')::bigint));
