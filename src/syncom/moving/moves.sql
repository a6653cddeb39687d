-- Statements of moves. All run as the account.

-- name: begin
-- The move from this source, begun or gone on with. Index: moves (account_id, source).
INSERT INTO moves (account_id, source, step) VALUES (%(account_id)s, %(source)s, %(step)s)
ON CONFLICT (account_id, source) DO UPDATE SET
    step = CASE WHEN %(restart)s OR moves.step IS NULL THEN excluded.step ELSE moves.step END,
    place = CASE WHEN %(restart)s OR moves.step IS NULL THEN '{}' ELSE moves.place END,
    counts = CASE WHEN %(restart)s OR moves.step IS NULL THEN '{}' ELSE moves.counts END,
    started_at = CASE WHEN %(restart)s OR moves.step IS NULL THEN now() ELSE moves.started_at END,
    changed_at = now(), finished_at = NULL
RETURNING move_id, step, place, counts;

-- name: forget_problems
DELETE FROM move_problems WHERE account_id = %(account_id)s AND move_id = %(move_id)s;

-- name: advance
UPDATE moves SET step = %(step)s, place = %(place)s, counts = %(counts)s, changed_at = now(),
    finished_at = CASE WHEN %(step)s::text IS NULL THEN now() END
WHERE account_id = %(account_id)s AND move_id = %(move_id)s;

-- name: moves
-- Every move of the account, the last one first.
SELECT m.move_id, m.source, m.step, m.counts, m.started_at, m.changed_at, m.finished_at,
       (SELECT count(*) FROM move_problems p WHERE p.account_id = m.account_id AND p.move_id = m.move_id) AS problems
FROM moves m WHERE m.account_id = %(account_id)s ORDER BY m.changed_at DESC;

-- name: objects
-- What things of a kind became here. Primary key.
SELECT source_id, target_id FROM moved_objects
WHERE account_id = %(account_id)s AND move_id = %(move_id)s AND kind = %(kind)s;

-- name: remember
INSERT INTO moved_objects (account_id, move_id, kind, source_id, target_id)
VALUES (%(account_id)s, %(move_id)s, %(kind)s, %(source_id)s, %(target_id)s)
ON CONFLICT (account_id, move_id, kind, source_id) DO UPDATE SET target_id = excluded.target_id;

-- name: add_problems
INSERT INTO move_problems (account_id, move_id, what, reason)
SELECT %(account_id)s, %(move_id)s, what, reason
FROM unnest(%(whats)s::text[], %(reasons)s::text[]) AS row (what, reason)
ON CONFLICT DO NOTHING;

-- name: problems
SELECT what, reason FROM move_problems
WHERE account_id = %(account_id)s AND move_id = %(move_id)s ORDER BY problem_id;
