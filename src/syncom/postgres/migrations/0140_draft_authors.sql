-- Who saved a draft: whoever writes the same thing at the same time is told by name.
ALTER TABLE template_drafts ADD COLUMN IF NOT EXISTS drafted_by text NOT NULL DEFAULT '';
