-- Dialects: in which language the tags of a template are written, and which version of Velocity an account follows.

ALTER TABLE templates ADD COLUMN IF NOT EXISTS dialect text NOT NULL DEFAULT 'syncom';   -- syncom | velocity | plain

-- Where Velocity 1.7 and 2 differ: 1 or 2. It is read when a template is saved; contents keep what they were made with.
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS velocity_truth smallint NOT NULL DEFAULT 1; -- what #if takes for false
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS velocity_lines smallint NOT NULL DEFAULT 1; -- white space of directives
