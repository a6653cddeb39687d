-- Statements of mailboxes. Their table holds passwords, so tenants have no part in it.

-- name: insert
INSERT INTO bounce_mailboxes (account_id, name, protocol, host, port, security, username, folder, move_to, every)
VALUES (%(account_id)s, %(name)s, %(protocol)s, %(host)s, %(port)s, %(security)s, %(username)s, %(folder)s, %(move_to)s,
    %(every)s)
RETURNING mailbox_id;

-- name: save_secret
UPDATE bounce_mailboxes SET secret = %(secret)s WHERE mailbox_id = %(mailbox_id)s;

-- name: select
-- Oldest first. Index: bounce_mailboxes_account.
SELECT mailbox_id, account_id, name, protocol, host, port, security, username, folder, move_to, every, failures, problem,
    read, reports, last_read_at, created_at
FROM bounce_mailboxes
WHERE account_id = %(account_id)s AND (%(mailbox_id)s::bigint IS NULL OR mailbox_id = %(mailbox_id)s)
ORDER BY mailbox_id;

-- name: count
SELECT count(*) FROM bounce_mailboxes WHERE account_id = %(account_id)s;

-- name: delete
DELETE FROM bounce_mailboxes WHERE account_id = %(account_id)s AND mailbox_id = %(mailbox_id)s RETURNING 1;

-- name: lease
-- A mailbox that is due and that nobody reads. Index: bounce_mailboxes_due.
UPDATE bounce_mailboxes SET leased_until = %(until)s, fence = fence + 1
WHERE mailbox_id = (
    SELECT mailbox_id FROM bounce_mailboxes WHERE next_at <= %(now)s AND leased_until <= %(now)s
    ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING mailbox_id, account_id, name, protocol, host, port, security, username, folder, move_to, every, failures,
    problem, read, reports, last_read_at, created_at, secret, position, fence;

-- name: advance
-- How far it is read now, in the transaction that takes the reports in; no row: the lease was lost.
UPDATE bounce_mailboxes SET position = %(position)s, read = read + %(read)s, reports = reports + %(reports)s,
    last_read_at = %(now)s, leased_until = %(until)s
WHERE mailbox_id = %(mailbox_id)s AND fence = %(fence)s
RETURNING 1;

-- name: rest
-- Until the next reading.
UPDATE bounce_mailboxes SET next_at = %(next_at)s, leased_until = '-infinity', problem = %(problem)s,
    failures = CASE WHEN %(problem)s = '' THEN 0 ELSE failures + 1 END
WHERE mailbox_id = %(mailbox_id)s AND fence = %(fence)s;
