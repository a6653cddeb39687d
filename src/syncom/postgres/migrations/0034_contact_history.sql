-- The history of a contact as conditions read it: also what was sent to, and done by, contacts merged into it, whose
-- facts stay under their old ids. Rows of dropped contacts under their own id are nobody's, and harmless.
-- Views of the caller: row-level security of the tables holds (security_invoker, PostgreSQL 15).
CREATE OR REPLACE VIEW contact_sends WITH (security_invoker = true) AS
SELECT l.account_id, l.bucket, l.contact_id, l.settled_at AS occurred_at, l.campaign_id, l.channel, l.message_id
FROM ledger l
WHERE l.state = 1
UNION ALL
SELECT m.account_id, (m.into_contact_id & 255)::smallint, m.into_contact_id, l.settled_at, l.campaign_id, l.channel,
    l.message_id
FROM merged_contacts m
JOIN ledger l ON l.account_id = m.account_id AND l.bucket = m.bucket AND l.contact_id = m.contact_id
WHERE l.state = 1;

-- By people, not by machines.
CREATE OR REPLACE VIEW contact_activity WITH (security_invoker = true) AS
SELECT a.account_id, a.bucket, a.contact_id, a.occurred_at, a.kind, a.campaign_id, a.channel, a.message_id, a.link
FROM activity a
WHERE a.class = 0
UNION ALL
SELECT m.account_id, (m.into_contact_id & 255)::smallint, m.into_contact_id, a.occurred_at, a.kind, a.campaign_id,
    a.channel, a.message_id, a.link
FROM merged_contacts m
JOIN activity a ON a.account_id = m.account_id AND a.bucket = m.bucket AND a.contact_id = m.contact_id
WHERE a.class = 0;

CREATE OR REPLACE VIEW contact_events WITH (security_invoker = true) AS
SELECT e.account_id, e.bucket, e.contact_id, e.occurred_at, e.event_type_id, e.event_id, e.params
FROM events e
UNION ALL
SELECT m.account_id, (m.into_contact_id & 255)::smallint, m.into_contact_id, e.occurred_at, e.event_type_id,
    e.event_id, e.params
FROM merged_contacts m
JOIN events e ON e.account_id = m.account_id AND e.bucket = m.bucket AND e.contact_id = m.contact_id;

GRANT SELECT ON contact_sends, contact_activity, contact_events TO syncom_tenant;
