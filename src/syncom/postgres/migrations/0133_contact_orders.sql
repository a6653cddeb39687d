-- The orders in which a table of contacts is read, a page at a time (segments/table.py), and how a name is found by its
-- beginning. Collation "C": prefixes are ranges whatever the database's own is. Who has no address or no name comes last.
CREATE INDEX IF NOT EXISTS contacts_newest ON contacts (account_id, contact_id);
CREATE INDEX IF NOT EXISTS contacts_email ON contacts
    (account_id, (coalesce(email, U&'\+10FFFF') COLLATE "C"), contact_id);
CREATE INDEX IF NOT EXISTS contacts_name ON contacts
    (account_id, (coalesce(nullif(left(lower(last_name || ' ' || first_name), 200), ' '), U&'\+10FFFF') COLLATE "C"),
     contact_id);
CREATE INDEX IF NOT EXISTS contacts_first_name ON contacts (account_id, (left(lower(first_name), 100) COLLATE "C"))
    WHERE first_name <> '';
