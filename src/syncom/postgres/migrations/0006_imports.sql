-- Imports: who runs one, how long its file of errors is, where the next record begins.

ALTER TABLE imports
    ADD COLUMN IF NOT EXISTS fence        integer NOT NULL DEFAULT 0,     -- grows with every run: an old runner's batch fails
    ADD COLUMN IF NOT EXISTS leased_until timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN IF NOT EXISTS line_next    bigint NOT NULL DEFAULT 0,      -- line that begins at bytes_done
    ADD COLUMN IF NOT EXISTS error_bytes  bigint NOT NULL DEFAULT 0;      -- length of the file of errors that is settled
