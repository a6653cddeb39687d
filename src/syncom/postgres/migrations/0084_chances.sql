-- How chance falls in workflows: said once, for those who move journeys and for those who only think of them.

-- 0 to 99, always the same for a contact in a workflow: below the percent of the holdout it is held out.
CREATE OR REPLACE FUNCTION holdout_share(contact_id bigint, workflow_id bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT (hashint8extended(contact_id, workflow_id) & 2147483647) % 100';

-- 0 to below `total`, always the same for a turn of a journey (named by its event) at a split (`seed`).
CREATE OR REPLACE FUNCTION split_share(event_id uuid, seed bigint, turn integer, total integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT ((uuid_hash_extended(event_id, seed + turn) & 2147483647) % total)::integer';
