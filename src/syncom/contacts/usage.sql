-- Between those who save what names others, and those who delete what is named. Advisory locks, until the transaction ends.

-- name: refer
SELECT pg_advisory_xact_lock_shared(%(kind)s, hashint8(%(account_id)s));

-- name: hold
SELECT pg_advisory_xact_lock(%(kind)s, hashint8(%(account_id)s));
