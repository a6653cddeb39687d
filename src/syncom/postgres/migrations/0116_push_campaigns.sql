-- Campaigns over web push: where the browsers of a contact are reached that can be written to.
-- A view of the caller: row-level security of the table holds (security_invoker, PostgreSQL 15).
CREATE OR REPLACE VIEW push_subscriptions WITH (security_invoker = true) AS
SELECT h.account_id, h.bucket, h.contact_id, h.value AS endpoint, h.created_at, h.data
FROM contact_channels h
WHERE h.channel = 3 AND h.active AND h.data #>> '{keys,p256dh}' <> '' AND h.data #>> '{keys,auth}' <> '';

GRANT SELECT ON push_subscriptions TO syncom_tenant;
