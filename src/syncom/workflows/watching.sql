-- Journeys of some contacts (and of those merged into them) in one version of a workflow hear that something happened.

-- name: hold_groups
-- Waits for passes that move these contacts, or those merged into them, and lets none begin. Primary key of merged_contacts,
-- index merged_contacts_into.
SELECT pg_advisory_xact_lock(%(locks)s + g) FROM (
    WITH k AS (
        SELECT account_id, (contact_id & 255)::smallint AS bucket, contact_id
        FROM unnest(%(account_ids)s::bigint[], %(contact_ids)s::bigint[]) AS k (account_id, contact_id)
    )
    SELECT bucket / 16 AS g FROM k
    UNION
    SELECT m.bucket / 16 FROM k JOIN merged_contacts m ON m.account_id = k.account_id AND m.into_contact_id = k.contact_id
    ORDER BY 1
) AS held

-- name: wake
-- Those who wait for it at a step go on, at once, unless it happened after their time was over; where they were, and how
-- many. By a clock that is ahead it happens in a moment: they go on behind it, so that the next step does not hear of it too. Primary key of enrolments, index merged_contacts_into.
WITH k AS MATERIALIZED (
    SELECT account_id, (contact_id & 255)::smallint AS bucket, contact_id, moment, chain, params::jsonb AS params
    FROM unnest(%(account_ids)s::bigint[], %(contact_ids)s::bigint[], %(moments)s::timestamptz[], %(chains)s::smallint[],
        string_to_array(%(params)s, E'\x1f'))
        AS k (account_id, contact_id, moment, chain, params) WHERE account_id IS NOT NULL
), g AS MATERIALIZED (
    SELECT account_id, bucket, contact_id, moment, chain, params FROM k
    UNION ALL
    SELECT k.account_id, m.bucket, m.contact_id, k.moment, k.chain, k.params FROM k
    JOIN merged_contacts m ON m.account_id = k.account_id AND m.into_contact_id = k.contact_id
), woken AS (
    UPDATE enrolments e SET step = CASE WHEN %(to)s < 0 THEN e.step ELSE %(to)s END,
        state = CASE WHEN %(to)s < 0 THEN 3 ELSE e.state END, resting = false, turn = e.turn + 1,
        wake_at = greatest(%(now)s, g.moment + interval '1 microsecond'), changed_at = %(now)s, chain = g.chain,
        params = e.params || jsonb_build_object('awaited', g.params),
        path = e.path || ARRAY[e.step, %(outcome)s, extract(epoch FROM %(now)s - e.entered_at)::integer]
    FROM g
    WHERE e.account_id = g.account_id AND e.bucket = g.bucket AND e.contact_id = g.contact_id
        AND e.workflow_id = %(workflow_id)s AND e.version = %(version)s AND e.step = %(step)s AND e.resting
        AND e.state IN (1, 2) AND g.moment <= e.wake_at
    RETURNING e.account_id
)
SELECT account_id, 1, %(step)s, count(*) FROM woken GROUP BY 1

-- name: take_out
-- Those who are at a step of `before` go on behind a goal, or leave for good (`leaves`). Of the others who came in since
-- `noted_since` a goal is noted only, so that those held out compare with those who are through, or past it. How many go, by
-- state and step before.
WITH k AS MATERIALIZED (
    SELECT account_id, (contact_id & 255)::smallint AS bucket, contact_id, chain
    FROM unnest(%(account_ids)s::bigint[], %(contact_ids)s::bigint[], %(chains)s::smallint[])
        AS k (account_id, contact_id, chain)
), g AS MATERIALIZED (
    SELECT account_id, bucket, contact_id, chain FROM k
    UNION ALL
    SELECT k.account_id, m.bucket, m.contact_id, k.chain FROM k
    JOIN merged_contacts m ON m.account_id = k.account_id AND m.into_contact_id = k.contact_id
), before AS MATERIALIZED (
    SELECT e.account_id, e.bucket, e.workflow_id, e.contact_id, e.event_id, e.state, e.step, g.chain,
        e.state IN (1, 2, 4) AND e.step = ANY (%(before)s::smallint[]) AS goes
    FROM g JOIN enrolments e ON e.account_id = g.account_id AND e.bucket = g.bucket AND e.contact_id = g.contact_id
        AND e.workflow_id = %(workflow_id)s AND e.version = %(version)s
    WHERE (e.state IN (1, 2, 4) AND e.step = ANY (%(before)s::smallint[]))
        OR (NOT %(leaves)s AND e.converted_at IS NULL AND e.entered_at >= %(noted_since)s)
    ORDER BY 1, 2, 3, 4, 5 FOR UPDATE OF e
), moved AS (
    UPDATE enrolments e SET
        step = CASE WHEN NOT b.goes OR %(to)s < 0 THEN e.step ELSE %(to)s END,
        state = CASE WHEN NOT b.goes THEN e.state WHEN %(leaves)s THEN 6 WHEN %(to)s < 0 THEN 3 WHEN b.state = 2 THEN 2 ELSE 1 END,
        resting = e.resting AND NOT b.goes, turn = e.turn + CASE WHEN b.goes THEN 1 ELSE 0 END, changed_at = %(now)s,
        wake_at = CASE WHEN b.goes THEN %(now)s ELSE e.wake_at END,
        converted_at = CASE WHEN %(leaves)s THEN e.converted_at ELSE coalesce(e.converted_at, %(now)s) END,
        chain = CASE WHEN b.goes THEN b.chain ELSE e.chain END,
        reason = CASE WHEN b.goes THEN %(reason)s ELSE e.reason END,
        path = e.path || ARRAY[CASE WHEN %(leaves)s THEN e.step ELSE %(step)s END, %(outcome)s,
            extract(epoch FROM %(now)s - e.entered_at)::integer]
    FROM before b
    WHERE e.account_id = b.account_id AND e.bucket = b.bucket AND e.workflow_id = b.workflow_id
        AND e.contact_id = b.contact_id AND e.event_id = b.event_id
)
SELECT account_id, state, step, count(*) FROM before WHERE goes GROUP BY 1, 2, 3
