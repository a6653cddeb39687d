-- What came of a workflow within a period. `since` and `until`: moments, the second not included; `span`: how long after
-- coming in a conversion counts.

-- name: journeys
-- Journeys that came in, by state, and how many of them converted: by the goal, or by an order in time. Primary key of
-- enrolments, bucket by bucket; index orders_made.
WITH came AS MATERIALIZED (
    SELECT coalesce(m.into_contact_id, e.contact_id) AS contact_id, e.event_id, e.state, e.entered_at,
        coalesce(e.converted_at <= e.entered_at + %(span)s::interval, false) AS reached
    FROM enrolments e
    LEFT JOIN merged_contacts m ON m.account_id = e.account_id AND m.bucket = e.bucket AND m.contact_id = e.contact_id
    WHERE e.account_id = %(account_id)s AND e.bucket = ANY (ARRAY(SELECT generate_series(0, 255)::smallint))
        AND e.workflow_id = %(workflow_id)s AND e.entered_at >= %(since)s AND e.entered_at < %(until)s
), bought AS MATERIALIZED (
    SELECT DISTINCT c.contact_id, c.event_id
    FROM came c JOIN orders o ON o.account_id = %(account_id)s AND o.contact_id = c.contact_id
        AND o.ordered_at >= %(since)s AND o.ordered_at < %(until)s + %(span)s::interval
        AND o.ordered_at >= c.entered_at AND o.ordered_at < c.entered_at + %(span)s::interval
        AND upper(o.status) NOT IN ('CANCELLED', 'ABANDONED_SHOPPING_CART')
    WHERE NOT %(by_goal)s
)
SELECT c.state, count(*), count(*) FILTER (WHERE CASE WHEN %(by_goal)s THEN c.reached ELSE b.contact_id IS NOT NULL END)
FROM came c LEFT JOIN bought b ON b.contact_id = c.contact_id AND b.event_id = c.event_id
GROUP BY c.state;

-- name: groups
-- Contacts by whether they were held out the first time they came in within the period, how many converted by that
-- journey, and what they ordered in time, by currency (NULL: nothing). Primary key of enrolments, bucket by bucket; index
-- orders_made.
WITH came AS MATERIALIZED (
    SELECT DISTINCT ON (contact_id) contact_id, state = 7 AS held_out, entered_at, reached FROM (
        SELECT coalesce(m.into_contact_id, e.contact_id) AS contact_id, e.event_id, e.state, e.entered_at,
            coalesce(e.converted_at <= e.entered_at + %(span)s::interval, false) AS reached
        FROM enrolments e
        LEFT JOIN merged_contacts m ON m.account_id = e.account_id AND m.bucket = e.bucket AND m.contact_id = e.contact_id
        WHERE e.account_id = %(account_id)s AND e.bucket = ANY (ARRAY(SELECT generate_series(0, 255)::smallint))
            AND e.workflow_id = %(workflow_id)s AND e.entered_at >= %(since)s AND e.entered_at < %(until)s
    ) AS e
    ORDER BY contact_id, entered_at, event_id
), bought AS MATERIALIZED (
    SELECT c.contact_id, o.currency, count(*) AS orders, sum(o.total - o.refunded) AS net
    FROM came c JOIN orders o ON o.account_id = %(account_id)s AND o.contact_id = c.contact_id
        AND o.ordered_at >= %(since)s AND o.ordered_at < %(until)s + %(span)s::interval
        AND o.ordered_at >= c.entered_at AND o.ordered_at < c.entered_at + %(span)s::interval
        AND upper(o.status) NOT IN ('CANCELLED', 'ABANDONED_SHOPPING_CART')
    GROUP BY c.contact_id, o.currency
), sizes AS (
    SELECT held_out, count(*) AS contacts, count(*) FILTER (WHERE CASE WHEN %(by_goal)s THEN reached
        ELSE EXISTS (SELECT FROM bought b WHERE b.contact_id = came.contact_id) END) AS converted
    FROM came GROUP BY held_out
), money AS (
    SELECT c.held_out, b.currency, sum(b.orders)::bigint AS orders, sum(b.net) AS net
    FROM came c JOIN bought b ON b.contact_id = c.contact_id GROUP BY c.held_out, b.currency
)
SELECT s.held_out, s.contacts, s.converted, m.currency, m.orders, m.net
FROM sizes s LEFT JOIN money m ON m.held_out = s.held_out ORDER BY s.held_out, m.currency;

-- name: messages
-- Messages that steps queued, by version, step and channel (0: still on its way), and what became of them. A person opened or clicked, not a machine.
-- Index workflow_messages_workflow; primary keys of ledger and engagements.
SELECT w.version, w.step, coalesce(l.channel, 0), count(*), count(*) FILTER (WHERE l.state = 1), count(*) FILTER (WHERE l.state = 2),
    count(*) FILTER (WHERE l.state = 3), count(*) FILTER (WHERE g.opens > 0 OR g.clicks > 0),
    count(*) FILTER (WHERE g.clicks > 0), count(*) FILTER (WHERE g.unsubscribed_at IS NOT NULL)
FROM workflow_messages w
LEFT JOIN ledger l ON l.account_id = w.account_id AND l.bucket = w.bucket AND l.message_id = w.message_id
LEFT JOIN engagements g ON g.account_id = w.account_id AND g.bucket = w.bucket AND g.message_id = w.message_id
WHERE w.account_id = %(account_id)s AND w.workflow_id = %(workflow_id)s AND w.queued_at >= %(since)s
    AND w.queued_at < %(until)s
GROUP BY w.version, w.step, coalesce(l.channel, 0);
