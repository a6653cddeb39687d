-- name: add_import
INSERT INTO imports (account_id, file_name, file_path, options, bytes_total, bytes_done, line_next)
VALUES (%(account_id)s, %(file_name)s, %(file_path)s, %(options)s, %(bytes_total)s, %(bytes_done)s, %(line_next)s)
RETURNING import_id

-- name: set_error_path
UPDATE imports SET error_path = %(error_path)s WHERE import_id = %(import_id)s

-- name: find_import
-- One import as its status. Primary key.
SELECT import_id, account_id, file_name, state, problem, bytes_total, bytes_done, rows_done, created, updated,
    unchanged, failed, created_at, started_at, finished_at
FROM imports WHERE account_id = %(account_id)s AND import_id = %(import_id)s

-- name: error_path
SELECT error_path FROM imports WHERE account_id = %(account_id)s AND import_id = %(import_id)s

-- name: list_imports
-- Newest first, before a given one. Index imports_account.
SELECT import_id, account_id, file_name, state, problem, bytes_total, bytes_done, rows_done, created, updated,
    unchanged, failed, created_at, started_at, finished_at
FROM imports WHERE account_id = %(account_id)s AND import_id < %(before)s
ORDER BY import_id DESC LIMIT %(count)s

-- name: take_import
-- The lease, if nobody holds it; the fence number makes whatever an older runner still tries to commit fail.
UPDATE imports SET state = 'running', fence = fence + 1, started_at = coalesce(started_at, now()),
    leased_until = now() + make_interval(secs => %(seconds)s)
WHERE import_id = %(import_id)s AND state IN ('queued', 'running') AND leased_until < now()
RETURNING account_id, fence, options, error_path, bytes_done, line_next

-- name: import_state
-- State, account, and the seconds until its lease ends. No arithmetic with infinity: PostgreSQL 15 and 16 refuse it.
SELECT state, account_id,
    CASE WHEN leased_until > now() THEN extract(epoch FROM leased_until - now()) ELSE 0 END::float8
FROM imports WHERE import_id = %(import_id)s

-- name: lock_import
-- Held until the batch commits, so that a cancellation or another runner waits for a whole batch.
SELECT state, bytes_done, line_next, failed, error_bytes
FROM imports WHERE import_id = %(import_id)s AND fence = %(fence)s FOR UPDATE

-- name: probe_by_index
-- For the rest of the transaction. A batch knows few of its contacts by their ids; while the statistics are those of
-- the table before the import, the planner takes the account for empty and walks all its contacts for each batch
-- (measured: 12 s instead of 20 ms). Comparing rows is priced so that probing the index always wins; no plan is kept.
SELECT set_config('cpu_tuple_cost', '1', true), set_config('random_page_cost', '0.01', true),
    set_config('seq_page_cost', '0.01', true), set_config('plan_cache_mode', 'force_custom_plan', true)

-- name: settle_batch
UPDATE imports SET rows_done = rows_done + %(rows)s, created = created + %(created)s, updated = updated + %(updated)s,
    unchanged = unchanged + %(unchanged)s, failed = failed + %(failed)s, bytes_done = %(bytes_done)s,
    line_next = %(line_next)s, error_bytes = %(error_bytes)s,
    leased_until = now() + make_interval(secs => %(seconds)s),
    state = CASE WHEN %(is_last)s THEN 'finished' ELSE state END,
    finished_at = CASE WHEN %(is_last)s THEN now() END
WHERE import_id = %(import_id)s

-- name: fail_import
UPDATE imports SET state = 'failed', problem = %(problem)s, finished_at = now(), leased_until = '-infinity'
WHERE import_id = %(import_id)s AND fence = %(fence)s AND state = 'running'

-- name: release_import
UPDATE imports SET leased_until = '-infinity' WHERE import_id = %(import_id)s AND fence = %(fence)s

-- name: cancel_import
-- What was imported stays.
UPDATE imports SET state = 'cancelled', finished_at = now()
WHERE account_id = %(account_id)s AND import_id = %(import_id)s AND state IN ('queued', 'running')

-- name: needs_files
-- Index: imports_account.
SELECT 1 FROM imports
WHERE account_id = %(account_id)s AND starts_with(file_path, %(folder)s || '/')
  AND (state IN ('queued', 'running') OR finished_at >= %(since)s)
LIMIT 1

-- name: has_imports
-- Index: imports_account.
SELECT 1 FROM imports WHERE account_id = %(account_id)s AND starts_with(file_path, %(folder)s || '/') LIMIT 1

-- name: last_erasure
-- When somebody was last erased. Primary key of erasures.
SELECT erased_at FROM erasures WHERE account_id = %(account_id)s ORDER BY erasure_id DESC LIMIT 1

-- name: due_imports
-- Imports nobody works on: new ones, and those whose runner died.
SELECT import_id FROM imports WHERE state IN ('queued', 'running') AND leased_until < now() ORDER BY import_id
