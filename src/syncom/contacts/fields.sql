-- name: list_fields
-- Unique index (account_id, key).
SELECT field_id, key, name, type, choices FROM custom_fields WHERE account_id = %(account_id)s ORDER BY key

-- name: add_field
-- No row: the key is taken.
INSERT INTO custom_fields (account_id, key, name, type, choices)
VALUES (%(account_id)s, %(key)s, %(name)s, %(type)s, %(choices)s)
ON CONFLICT (account_id, key) DO NOTHING
RETURNING field_id, key, name, type, choices

-- name: change_field
UPDATE custom_fields SET name = coalesce(%(name)s, name), choices = coalesce(%(choices)s::text[], choices)
WHERE account_id = %(account_id)s AND field_id = %(field_id)s
RETURNING field_id, key, name, type, choices

-- name: delete_field
DELETE FROM custom_fields WHERE account_id = %(account_id)s AND field_id = %(field_id)s RETURNING 1
