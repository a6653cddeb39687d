-- name: facts
-- What conditions look at, of one contact: the row of its statistics, and since when it is on lists. Primary keys; index
-- list_members_contact.
SELECT s.sent, s.opened, s.clicked, s.orders, s.last_sent_at, s.last_open_at, s.last_click_at, s.last_order_at, s.engagement,
    ARRAY(SELECT jsonb_build_array(m.list_id, m.added_at) FROM list_members m
          WHERE m.account_id = %(account_id)s AND m.bucket = %(bucket)s AND m.contact_id = %(contact_id)s
              AND m.list_id = ANY (%(lists)s::bigint[]))
FROM (SELECT) AS one
LEFT JOIN contact_statistics s
    ON s.account_id = %(account_id)s AND s.bucket = %(bucket)s AND s.contact_id = %(contact_id)s;

-- name: events
-- How often events of types happened to one contact, and when last. Index events_contact.
SELECT t.key, count(f.event_id), max(f.occurred_at)
FROM event_types t
LEFT JOIN contact_events f ON f.account_id = t.account_id AND f.bucket = %(bucket)s AND f.contact_id = %(contact_id)s
    AND f.event_type_id = t.event_type_id
WHERE t.account_id = %(account_id)s AND t.key = ANY (%(types)s::text[])
GROUP BY t.key;
