-- name: add
INSERT INTO forms (account_id, key, definition) VALUES (%(account_id)s, %(key)s, %(definition)s)
RETURNING form_id, account_id, key, version, definition, created_at, updated_at

-- name: put
UPDATE forms SET definition = %(definition)s, version = version + 1, updated_at = now()
WHERE account_id = %(account_id)s AND form_id = %(form_id)s
RETURNING form_id, account_id, key, version, definition, created_at, updated_at

-- name: delete
DELETE FROM forms WHERE account_id = %(account_id)s AND form_id = %(form_id)s RETURNING 1

-- name: get
-- Primary key.
SELECT form_id, account_id, key, version, definition, created_at, updated_at FROM forms
WHERE account_id = %(account_id)s AND form_id = %(form_id)s

-- name: list
-- Index: forms_account.
SELECT form_id, account_id, key, version, definition, created_at, updated_at FROM forms
WHERE account_id = %(account_id)s AND form_id > %(after)s ORDER BY form_id LIMIT %(limit)s

-- name: find
-- By its address, before the account is known. Index: forms' key.
SELECT form_id, account_id, key, version, definition, created_at, updated_at FROM forms WHERE key = %(key)s
