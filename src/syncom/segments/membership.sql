-- Kept members of segments: what the keeper takes, and what is asked of it.

-- name: changed_accounts
-- Accounts with changes to work out: one step of the primary key an account.
WITH RECURSIVE found (account_id) AS (
    (SELECT account_id FROM contact_changes ORDER BY account_id LIMIT 1)
    UNION ALL
    SELECT (SELECT c.account_id FROM contact_changes c WHERE c.account_id > f.account_id ORDER BY c.account_id LIMIT 1)
    FROM found f WHERE f.account_id IS NOT NULL
)
SELECT account_id FROM found WHERE account_id IS NOT NULL

-- name: restless_accounts
-- Accounts where a definition is new, a filling goes on, or time has come for somebody. Small tables; contact_segments_due.
SELECT a.account_id FROM accounts a
WHERE EXISTS (SELECT FROM segment_states t WHERE t.account_id = a.account_id AND NOT t.filled AND t.problem = '')
    OR EXISTS (SELECT FROM contact_segments o WHERE o.account_id = a.account_id AND o.due_at <= %(now)s)
    OR EXISTS (SELECT FROM segments s LEFT JOIN segment_states t ON t.segment_id = s.segment_id
        WHERE s.account_id = a.account_id AND t.seen_at IS DISTINCT FROM s.updated_at)
    OR EXISTS (SELECT FROM segment_states t LEFT JOIN segments s ON s.segment_id = t.segment_id
        WHERE t.account_id = a.account_id AND s.segment_id IS NULL)
ORDER BY a.account_id

-- name: claim
-- True where nobody else works on the account until this transaction ends, and nobody still helps a keeper that is gone.
SELECT CASE WHEN pg_try_advisory_xact_lock(%(lock)s) THEN
    CASE WHEN pg_try_advisory_lock(%(helping)s) THEN pg_advisory_unlock(%(helping)s) ELSE false END
ELSE false END

-- name: help
-- While this transaction goes on, nobody else claims the account that its keeper has claimed.
SELECT pg_advisory_xact_lock_shared(%(helping)s)

-- name: take_changes
-- Bits and contacts of the newest and of the oldest rows: who just changed does not wait behind an import.
-- Primary key of contact_changes from both ends.
WITH newest AS MATERIALIZED (
    SELECT change_id, sum(size) OVER (ORDER BY change_id DESC) - size AS before
    FROM (SELECT change_id, cardinality(contact_ids) AS size FROM contact_changes
          WHERE account_id = %(account_id)s ORDER BY change_id DESC LIMIT 1000) AS n
), oldest AS MATERIALIZED (
    SELECT change_id, sum(size) OVER (ORDER BY change_id) - size AS before
    FROM (SELECT change_id, cardinality(contact_ids) AS size FROM contact_changes
          WHERE account_id = %(account_id)s ORDER BY change_id LIMIT 5000) AS n
), taken AS (
    DELETE FROM contact_changes c
    WHERE c.account_id = %(account_id)s AND c.change_id = ANY (ARRAY(SELECT change_id FROM newest WHERE before < %(newest)s
        UNION SELECT change_id FROM oldest WHERE before < %(oldest)s))
    RETURNING c.facets, c.contact_ids
)
SELECT facets, contact_ids FROM taken

-- name: merged_into
-- Who some of these have become. Primary key of merged_contacts.
SELECT m.into_contact_id FROM unnest(%(contact_ids)s::bigint[]) AS g (contact_id)
JOIN merged_contacts m ON m.account_id = %(account_id)s AND m.bucket = (g.contact_id & 255)::smallint
    AND m.contact_id = g.contact_id

-- name: definitions
-- All segments of the account with what is kept of them; states of deleted ones have no condition. Small tables.
SELECT s.segment_id, s.condition, s.updated_at, t.segment_id, t.seen_at, t.fingerprint, t.filled, t.cause,
    t.fill_bucket, t.fill_contact, t.problem, s.followed
FROM (SELECT segment_id, condition, updated_at, followed FROM segments WHERE account_id = %(account_id)s) s
FULL JOIN (SELECT * FROM segment_states WHERE account_id = %(account_id)s) t USING (segment_id)
ORDER BY 1

-- name: see
-- A definition as it is now. A new meaning is worked out from the start.
INSERT INTO segment_states AS t (account_id, segment_id, seen_at, fingerprint, cause)
VALUES (%(account_id)s, %(segment_id)s, %(seen_at)s, %(fingerprint)s, 0)
ON CONFLICT (segment_id) DO UPDATE SET seen_at = excluded.seen_at, fingerprint = excluded.fingerprint, problem = '',
    filled = t.filled AND t.fingerprint = excluded.fingerprint AND t.problem = '',
    fill_bucket = CASE WHEN t.fingerprint = excluded.fingerprint AND t.problem = '' THEN t.fill_bucket ELSE 0 END,
    fill_contact = CASE WHEN t.fingerprint = excluded.fingerprint AND t.problem = '' THEN t.fill_contact ELSE 0 END,
    cause = CASE WHEN t.filled AND (t.fingerprint <> excluded.fingerprint OR t.problem <> '') THEN 3 ELSE t.cause END

-- name: forget_states
WITH gone AS (DELETE FROM segment_states WHERE segment_id = ANY (%(segment_ids)s::bigint[]))
DELETE FROM segment_days WHERE account_id = %(account_id)s AND segment_id = ANY (%(segment_ids)s::bigint[])

-- name: due
-- Contacts for whom time has come. Index contact_segments_due.
SELECT contact_id FROM contact_segments WHERE account_id = %(account_id)s AND due_at <= %(now)s
ORDER BY due_at LIMIT %(limit)s

-- name: to_fill
-- The next contacts in the order of bucket and id, with those who are gone and still kept. Both primary keys.
SELECT bucket, contact_id FROM (
    (SELECT bucket, contact_id FROM contacts
     WHERE account_id = %(account_id)s AND (bucket, contact_id) > (%(bucket)s, %(contact_id)s)
     ORDER BY bucket, contact_id LIMIT %(limit)s)
    UNION
    (SELECT bucket, contact_id FROM contact_segments
     WHERE account_id = %(account_id)s AND (bucket, contact_id) > (%(bucket)s, %(contact_id)s)
     ORDER BY bucket, contact_id LIMIT %(limit)s)
) AS k
ORDER BY bucket, contact_id LIMIT %(limit)s

-- name: fill
-- How far these segments are filled now.
UPDATE segment_states SET fill_bucket = %(bucket)s, fill_contact = %(contact_id)s, filled = %(filled)s,
    filled_at = CASE WHEN %(filled)s THEN %(now)s ELSE filled_at END
WHERE segment_id = ANY (%(segment_ids)s::bigint[])

-- name: count_moves
-- New sizes, and what happened today.
WITH moved AS (
    SELECT m.segment_id, m.entered, m.left_it, m.is_told
    FROM unnest(%(segment_ids)s::bigint[], %(entered)s::bigint[], %(left_it)s::bigint[], %(is_told)s::boolean[])
        AS m (segment_id, entered, left_it, is_told)
), sized AS (
    UPDATE segment_states t SET members = t.members + m.entered - m.left_it
    FROM moved m WHERE t.segment_id = m.segment_id
    RETURNING t.account_id, t.segment_id, t.members, m.entered, m.left_it, m.is_told
)
INSERT INTO segment_days AS d (account_id, segment_id, day, entered, left_it, members)
SELECT account_id, segment_id, %(day)s, CASE WHEN is_told THEN entered ELSE 0 END,
    CASE WHEN is_told THEN left_it ELSE 0 END, members
FROM sized
ON CONFLICT (account_id, segment_id, day) DO UPDATE
    SET entered = d.entered + excluded.entered, left_it = d.left_it + excluded.left_it, members = excluded.members

-- name: set_problem
UPDATE segment_states SET problem = %(problem)s, filled = false, fill_bucket = 0, fill_contact = 0
WHERE segment_id = %(segment_id)s

-- name: rebuild
-- Ids of the segments that are worked out from the start: one, or all of the account.
UPDATE segment_states t SET filled = false, fill_bucket = 0, fill_contact = 0, problem = '',
    cause = CASE WHEN t.filled THEN 4 ELSE t.cause END
WHERE t.account_id = %(account_id)s AND (%(segment_id)s::bigint IS NULL OR t.segment_id = %(segment_id)s)
RETURNING t.segment_id

-- name: memberships
SELECT segment_id, members, filled AS is_complete,
    CASE WHEN filled THEN 100 ELSE fill_bucket * 100 / 256 END AS progress, filled_at AS completed_at, problem
FROM segment_states
WHERE account_id = %(account_id)s AND (%(segment_ids)s::bigint[] IS NULL OR segment_id = ANY (%(segment_ids)s))
ORDER BY segment_id

-- name: segments_of
-- Ids of the segments a contact is in. Primary key.
SELECT s.segment_id FROM contact_segments o
JOIN segments s ON s.account_id = o.account_id AND s.segment_id = ANY (o.segment_ids)
WHERE o.account_id = %(account_id)s AND o.bucket = %(bucket)s AND o.contact_id = %(contact_id)s
ORDER BY 1

-- name: moves
-- The newest first, before a place: as many passes as it takes. Index segment_moves_segment; primary key of erased_contacts.
SELECT u.contact_id, m.segment_id, u.entered, m.cause, m.moved_at
FROM segment_moves m
CROSS JOIN LATERAL (
    SELECT contact_id, true FROM unnest(m.entered) AS k (contact_id)
    UNION ALL
    SELECT contact_id, false FROM unnest(m.left_it) AS k (contact_id)
) AS u (contact_id, entered)
WHERE m.account_id = %(account_id)s AND m.bucket = (%(segment_id)s::bigint & 255)::smallint
    AND m.segment_id = %(segment_id)s AND m.moved_at <= %(before)s
    AND (m.moved_at, u.contact_id) < (%(before)s, %(before_contact)s)
    AND NOT EXISTS (
        SELECT FROM erased_contacts e
        WHERE e.account_id = m.account_id AND e.bucket = (u.contact_id & 255)::smallint AND e.contact_id = u.contact_id
    )
ORDER BY m.moved_at DESC, u.contact_id DESC, u.entered DESC LIMIT %(limit)s

-- name: erased
-- Some erased contacts that moves may still name: nobody who works on their segments knows of them any more. Index
-- erased_contacts_moves.
UPDATE erased_contacts e SET moves_forgotten = true
FROM (
    SELECT account_id, bucket, contact_id FROM erased_contacts
    WHERE NOT moves_forgotten AND erased_at < %(before)s
    ORDER BY erased_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
) AS k
WHERE e.account_id = k.account_id AND e.bucket = k.bucket AND e.contact_id = k.contact_id
RETURNING e.account_id, e.contact_id

-- name: forget_moves
-- Takes contacts out of the moves of an account: one look at all of them.
UPDATE segment_moves m SET
    entered = ARRAY(SELECT k.contact_id FROM unnest(m.entered) AS k (contact_id) WHERE k.contact_id <> ALL (%(contact_ids)s)),
    left_it = ARRAY(SELECT k.contact_id FROM unnest(m.left_it) AS k (contact_id) WHERE k.contact_id <> ALL (%(contact_ids)s))
WHERE m.account_id = %(account_id)s AND (m.entered && %(contact_ids)s::bigint[] OR m.left_it && %(contact_ids)s::bigint[])

-- name: growth
-- Days on which something happened, and the last one before them. Primary key.
(SELECT day, entered, left_it AS left, members FROM segment_days
 WHERE account_id = %(account_id)s AND segment_id = %(segment_id)s AND day < %(since)s ORDER BY day DESC LIMIT 1)
UNION ALL
(SELECT day, entered, left_it, members FROM segment_days
 WHERE account_id = %(account_id)s AND segment_id = %(segment_id)s AND day >= %(since)s)
ORDER BY day

-- name: follow
-- The segment, if it is there.
UPDATE segments SET followed = %(followed)s WHERE account_id = %(account_id)s AND segment_id = %(segment_id)s
RETURNING segment_id

-- name: take_followed
-- Moves out of the change log, in the order they came; they are gone from it when the transaction commits. What another
-- transaction is taking is left to it. Primary key of followed_moves.
WITH taken AS (
    DELETE FROM followed_moves WHERE followed_id = ANY (ARRAY(
        SELECT followed_id FROM followed_moves ORDER BY followed_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ))
    RETURNING *
)
SELECT account_id, segment_id, contact_id, entered, move_id, moved_at FROM taken ORDER BY followed_id
