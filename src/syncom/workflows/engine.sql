-- Statements of a pass: contacts whose time has come lie in a table of the session, go from step to step there in sets,
-- and are put back where they rest. `place`: those who stand at one step of one version.

-- name: lay_out
CREATE TEMP TABLE IF NOT EXISTS workflow_pass (
    account_id bigint, bucket smallint, workflow_id bigint, contact_id bigint, event_id uuid,   -- whose journey it is
    who bigint, who_bucket smallint,                    -- whom it is about now, after merges
    version integer, due_at timestamptz, since integer, old_turn integer,
    step smallint, resting boolean, turn integer, state smallint, wake_at timestamptz, reason text, path integer[],
    converted_at timestamptz, choice smallint, part integer, chain smallint
) ON COMMIT DELETE ROWS

-- name: claim_group
-- Whether this transaction alone moves the contacts of these buckets now.
SELECT pg_try_advisory_xact_lock(%(lock)s)

-- name: look
-- Whether anything happened that somebody follows, whether it is time to let somebody in, the groups of 16 buckets in which
-- somebody's time has come, and whether a workflow comes to its end: all that is asked while nothing happens. Primary keys
-- of followed_events and followed_moves; indexes workflow_timetable_next, enrolments_wake and workflows_ending.
SELECT EXISTS (SELECT FROM followed_events) OR EXISTS (SELECT FROM followed_moves),
    EXISTS (SELECT FROM workflow_timetable WHERE next_at <= %(now)s), ARRAY(
    SELECT g FROM generate_series(0, 15) AS g
    WHERE EXISTS (SELECT FROM enrolments WHERE bucket / 16 = g AND state = 1 AND wake_at <= %(now)s)
), EXISTS (SELECT FROM workflows WHERE emptying OR status = 'draining')

-- name: due_accounts
-- Of those that a pass will take. Index: enrolments_wake.
SELECT DISTINCT account_id FROM (
    SELECT account_id FROM enrolments WHERE state = 1 AND bucket / 16 = %(group)s AND wake_at <= %(now)s
    ORDER BY wake_at LIMIT %(limit)s
) AS e

-- name: pick
-- Those whose time has come longest ago, as whom they are now. Indexes: enrolments_wake; primary keys of merged_contacts
-- and contacts.
INSERT INTO workflow_pass
SELECT e.account_id, e.bucket, e.workflow_id, e.contact_id, e.event_id, coalesce(m.into_contact_id, e.contact_id),
    (coalesce(m.into_contact_id, e.contact_id) & 255)::smallint, e.version, e.wake_at,
    least(extract(epoch FROM %(now)s - e.entered_at), 2000000000)::integer, e.turn, e.step, e.resting, e.turn,
    CASE WHEN c.contact_id IS NULL THEN 5 ELSE 0 END, e.wake_at,
    CASE WHEN c.contact_id IS NULL THEN 'the contact is gone' ELSE '' END, '{}', e.converted_at, NULL, 0,
    CASE WHEN e.resting THEN 0 ELSE e.chain END
FROM (
    SELECT * FROM enrolments WHERE state = 1 AND bucket / 16 = %(group)s AND wake_at <= %(now)s
    ORDER BY wake_at LIMIT %(limit)s
) AS e
LEFT JOIN merged_contacts m ON m.account_id = e.account_id AND m.bucket = e.bucket AND m.contact_id = e.contact_id
LEFT JOIN contacts c ON c.account_id = e.account_id
    AND c.bucket = (coalesce(m.into_contact_id, e.contact_id) & 255)::smallint
    AND c.contact_id = coalesce(m.into_contact_id, e.contact_id)

-- name: hold_running
-- Workflows of the pass that let people go on; none of them is paused until the transaction ends.
SELECT workflow_id FROM workflows
WHERE workflow_id IN (SELECT workflow_id FROM workflow_pass) AND status IN ('active', 'draining')
ORDER BY workflow_id FOR SHARE

-- name: park_paused
UPDATE workflow_pass SET state = 2 WHERE workflow_id <> ALL (%(running)s::bigint[])

-- name: gone
-- Those who are gone, by where they were.
SELECT account_id, workflow_id, version, step, count(*) FROM workflow_pass WHERE state = 5 GROUP BY 1, 2, 3, 4

-- name: places
SELECT account_id, workflow_id, version, step, resting, count(*) FROM workflow_pass WHERE state = 0
GROUP BY 1, 2, 3, 4, 5

-- name: go
-- All of a place to one step; how many.
UPDATE workflow_pass p SET step = CASE WHEN %(to)s < 0 THEN p.step ELSE %(to)s END,
    state = CASE WHEN %(to)s < 0 THEN 3 ELSE 0 END, resting = false, turn = turn + 1, part = 0,
    path = path || ARRAY[p.step, %(outcome)s, p.since]
WHERE (p.workflow_id, p.version, p.step, p.resting, p.part, p.state)
    = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0)

-- name: go_chosen
-- Those of a place with a choice where it leads: `targets` and `outcomes` by choice from 0, the last for none.
WITH moved AS (
    UPDATE workflow_pass p SET
        step = CASE WHEN k.to_step < 0 THEN p.step ELSE k.to_step END,
        state = CASE WHEN k.to_step < 0 THEN 3 ELSE 0 END, resting = false, turn = turn + 1, part = 0,
        path = path || ARRAY[p.step, k.outcome, p.since], choice = NULL
    FROM unnest(%(targets)s::smallint[], %(outcomes)s::smallint[]) WITH ORDINALITY AS k (to_step, outcome, n)
    WHERE (p.workflow_id, p.version, p.step, p.resting, p.part, p.state)
        = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0)
        AND coalesce(p.choice + 1, %(last)s) = k.n
    RETURNING k.to_step
)
SELECT to_step, count(*) FROM moved GROUP BY to_step

-- name: choose
-- A choice for each of some rows of a place.
UPDATE workflow_pass p SET choice = k.choice
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(event_ids)s::uuid[], %(choices)s::smallint[])
    AS k (bucket, contact_id, event_id, choice)
WHERE (p.workflow_id, p.version, p.step, p.resting, p.part, p.state)
    = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0)
    AND p.bucket = k.bucket AND p.contact_id = k.contact_id AND p.event_id = k.event_id

-- name: choose_by_chance
-- `bounds`: where the weights of the branches end, but the last.
UPDATE workflow_pass p
SET choice = width_bucket(split_share(p.event_id, %(seed)s, p.turn, %(total)s), %(bounds)s::integer[])
WHERE (p.workflow_id, p.version, p.step, p.resting, p.part, p.state)
    = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0)

-- name: rest
-- All of a place stay at it until a moment; how many.
UPDATE workflow_pass p SET state = 1, resting = true, wake_at = %(until)s, path = path || ARRAY[p.step, 0, p.since]
WHERE (p.workflow_id, p.version, p.step, p.resting, p.part, p.state)
    = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0)

-- name: rest_within
-- The same, each until it is a time of its day.
UPDATE workflow_pass p SET state = 1, resting = true, path = path || ARRAY[p.step, 0, p.since],
    wake_at = next_in_window(%(until)s, coalesce(nullif(c.time_zone, ''), a.time_zone), %(begins)s, %(ends)s,
        %(days)s::smallint[])
FROM contacts c, accounts a
WHERE (p.workflow_id, p.version, p.step, p.resting, p.part, p.state)
    = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0)
    AND c.account_id = p.account_id AND c.bucket = p.who_bucket AND c.contact_id = p.who AND a.account_id = p.account_id

-- name: rest_until_time
UPDATE workflow_pass p SET state = 1, resting = true, path = path || ARRAY[p.step, 0, p.since],
    wake_at = next_at(%(now)s, coalesce(nullif(c.time_zone, ''), a.time_zone), %(at)s, %(days)s::smallint[])
FROM contacts c, accounts a
WHERE (p.workflow_id, p.version, p.step, p.resting, p.part, p.state)
    = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0)
    AND c.account_id = p.account_id AND c.bucket = p.who_bucket AND c.contact_id = p.who AND a.account_id = p.account_id

-- name: rest_until_field
-- Those whose field holds a day that is to come; the others choose: 0 the day is over, 1 there is none.
UPDATE workflow_pass p SET state = CASE WHEN k.day > %(now)s THEN 1 ELSE 0 END, resting = k.day IS NOT NULL AND k.day > %(now)s,
    wake_at = coalesce(k.day, p.wake_at),
    path = CASE WHEN k.day > %(now)s THEN path || ARRAY[p.step, 0, p.since] ELSE path END,
    choice = CASE WHEN k.day IS NULL THEN 1 WHEN k.day <= %(now)s THEN 0 END
FROM (
    SELECT c.account_id, c.bucket, c.contact_id,
        day_of_field(c.fields ->> %(field)s, %(now)s, coalesce(nullif(c.time_zone, ''), a.time_zone), %(days)s, %(at)s,
            %(yearly)s) AS day
    FROM contacts c JOIN accounts a ON a.account_id = c.account_id
    WHERE (c.account_id, c.bucket, c.contact_id) IN (
        SELECT account_id, who_bucket, who FROM workflow_pass p
        WHERE (p.workflow_id, p.version, p.step, p.resting, p.part, p.state)
            = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0)
    )
) AS k
WHERE (p.workflow_id, p.version, p.step, p.resting, p.part, p.state)
    = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0)
    AND k.account_id = p.account_id AND k.bucket = p.who_bucket AND k.contact_id = p.who

-- name: wake_happened
-- Those at rest in this pass whose event has come already go on; of what comes later, only what happened after it counts
-- for them.
WITH moved AS (
    UPDATE workflow_pass p SET step = CASE WHEN %(to)s < 0 THEN p.step ELSE %(to)s END,
        state = CASE WHEN %(to)s < 0 THEN 3 ELSE 0 END, resting = false, turn = turn + 1, part = 0, wake_at = due_at,
        due_at = k.moment + interval '1 microsecond', path = path || ARRAY[p.step, %(outcome)s, p.since]
    FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(event_ids)s::uuid[], %(moments)s::timestamptz[])
        AS k (bucket, contact_id, event_id, moment)
    WHERE (p.workflow_id, p.version, p.step, p.part, p.state) = (%(workflow_id)s, %(version)s, %(step)s, %(part)s, 1)
        AND p.resting AND p.bucket = k.bucket AND p.contact_id = k.contact_id AND p.event_id = k.event_id
    RETURNING 1
)
SELECT count(*) FROM moved

-- name: rest_on
-- Those of a place whose time is over, but of whom workflows have still to hear an event of the type, stay as they are: it
-- may have happened in time. Primary key of merged_contacts; followed_events is short.
UPDATE workflow_pass p SET state = 1
WHERE (p.workflow_id, p.version, p.step, p.resting, p.part, p.state)
    = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0)
    AND (p.account_id, p.who) IN (
        SELECT f.account_id, coalesce(m.into_contact_id, f.contact_id)
        FROM followed_events f LEFT JOIN merged_contacts m
            ON m.account_id = f.account_id AND m.bucket = (f.contact_id & 255)::smallint AND m.contact_id = f.contact_id
        WHERE f.account_id = %(account_id)s AND f.event_type_id = %(event_type_id)s
    )

-- name: note_awaited
-- The events that woke journeys of an account in this pass, for the steps after. Primary key of enrolments.
UPDATE enrolments e SET params = e.params || jsonb_build_object('awaited', k.params::jsonb)
FROM unnest(%(buckets)s::smallint[], %(contact_ids)s::bigint[], %(event_ids)s::uuid[],
    string_to_array(%(awaited)s, E'\x1f')) AS k (bucket, contact_id, event_id, params)
WHERE e.account_id = %(account_id)s AND e.bucket = k.bucket AND e.workflow_id = %(workflow_id)s
    AND e.contact_id = k.contact_id AND e.event_id = k.event_id

-- name: happened
-- Events of a type since those of a place (who rest at it in this pass) came to it, but those of which workflows have still
-- to hear: they wake whoever rests by then. Index: events_contact.
SELECT p.bucket, p.contact_id, p.event_id, e.params, e.occurred_at
FROM workflow_pass p
JOIN events e ON e.account_id = p.account_id AND e.bucket = p.who_bucket AND e.contact_id = p.who
    AND e.event_type_id = %(event_type_id)s AND e.occurred_at >= p.due_at AND e.event_id <> p.event_id
WHERE (p.workflow_id, p.version, p.step, p.part, p.state) = (%(workflow_id)s, %(version)s, %(step)s, %(part)s, 1)
    AND p.resting AND NOT EXISTS (SELECT FROM followed_events f WHERE f.event_id = e.event_id)
ORDER BY e.occurred_at

-- name: those
-- Who stands at a place, with what let them in. Primary key of enrolments.
SELECT p.bucket, p.contact_id, p.event_id, p.who, p.turn, e.params, p.chain
FROM workflow_pass p
JOIN enrolments e ON e.account_id = p.account_id AND e.bucket = p.bucket AND e.workflow_id = p.workflow_id
    AND e.contact_id = p.contact_id AND e.event_id = p.event_id
WHERE (p.workflow_id, p.version, p.step, p.resting, p.part, p.state)
    = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0)
ORDER BY p.who_bucket, p.who, p.event_id

-- name: fail
UPDATE workflow_pass p SET state = 4, reason = %(reason)s, path = path || ARRAY[p.step, 8, p.since]
WHERE (p.workflow_id, p.version, p.step, p.resting, p.part, p.state)
    = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0)

-- name: say_why
-- Why all of a place leave, as it is told.
UPDATE workflow_pass p SET reason = %(reason)s
WHERE (p.workflow_id, p.version, p.step, p.resting, p.part, p.state)
    = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0)

-- name: halve
-- One half of a place gets another part; how many.
UPDATE workflow_pass p SET part = %(other)s
FROM (
    SELECT ctid FROM workflow_pass p
    WHERE (p.workflow_id, p.version, p.step, p.resting, p.part, p.state)
        = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0)
    ORDER BY bucket, contact_id, event_id LIMIT %(limit)s
) AS k
WHERE p.ctid = k.ctid

-- name: put_back
-- Journeys in these states as they are now, if they are where they were read (or were put back before), in the order of
-- their key; how many. A path keeps its last 300 entries.
UPDATE enrolments e SET step = p.step, resting = p.resting, turn = p.turn, state = p.state, wake_at = p.wake_at,
    reason = p.reason, changed_at = %(now)s, converted_at = p.converted_at, chain = p.chain,
    path = CASE WHEN cardinality(e.path) > 900 THEN e.path[cardinality(e.path) - 599:] ELSE e.path END || p.path
FROM (
    SELECT * FROM workflow_pass WHERE state = ANY (%(states)s::smallint[])
    ORDER BY account_id, bucket, workflow_id, contact_id, event_id OFFSET 0
) AS p
WHERE e.account_id = p.account_id AND e.bucket = p.bucket AND e.workflow_id = p.workflow_id
    AND e.contact_id = p.contact_id AND e.event_id = p.event_id AND e.state IN (1, p.state) AND e.turn = p.old_turn

-- name: are_put_back
-- Those that are over are where they were put back. Primary key of enrolments.
UPDATE workflow_pass p SET old_turn = p.turn, path = '{}'
FROM enrolments e
WHERE p.state = ANY (%(states)s::smallint[]) AND e.account_id = p.account_id AND e.bucket = p.bucket
    AND e.workflow_id = p.workflow_id AND e.contact_id = p.contact_id AND e.event_id = p.event_id
    AND e.state = p.state AND e.turn = p.turn

-- name: count_ways
-- Primary key of workflow_ways.
INSERT INTO workflow_ways AS w (account_id, workflow_id, version, from_step, to_step, shard, contacts)
SELECT account_id, workflow_id, version, from_step, to_step, %(shard)s, contacts
FROM unnest(%(account_ids)s::bigint[], %(workflow_ids)s::bigint[], %(versions)s::integer[], %(from_steps)s::smallint[],
    %(to_steps)s::smallint[], %(contacts)s::bigint[]) AS k (account_id, workflow_id, version, from_step, to_step, contacts)
WHERE EXISTS (SELECT FROM workflows o WHERE o.workflow_id = k.workflow_id)
ORDER BY 1, 2, 3, 4, 5
ON CONFLICT (account_id, workflow_id, version, from_step, to_step, shard)
    DO UPDATE SET contacts = w.contacts + excluded.contacts

-- name: convert
-- Those of a place who have reached its goal.
UPDATE workflow_pass p SET converted_at = coalesce(converted_at, %(now)s)
WHERE (p.workflow_id, p.version, p.step, p.resting, p.part, p.state)
    = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0) AND choice = 0

-- name: rest_in_quiet_hours
-- Those of a place in whose zone it is quiet stay before it until the quiet hours are over.
UPDATE workflow_pass p SET state = 1, wake_at = k.until, path = path || ARRAY[p.step, 0, p.since]
FROM (
    SELECT DISTINCT c.account_id, c.bucket, c.contact_id,
        next_in_window(%(now)s, coalesce(nullif(c.time_zone, ''), a.time_zone), %(ends)s, %(begins)s, '{}') AS until
    FROM workflow_pass q
    JOIN contacts c ON c.account_id = q.account_id AND c.bucket = q.who_bucket AND c.contact_id = q.who
    JOIN accounts a ON a.account_id = c.account_id
    WHERE (q.workflow_id, q.version, q.step, q.resting, q.part, q.state)
        = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0)
) AS k
WHERE (p.workflow_id, p.version, p.step, p.resting, p.part, p.state)
    = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0)
    AND k.account_id = p.account_id AND k.bucket = p.who_bucket AND k.contact_id = p.who AND k.until > %(now)s
