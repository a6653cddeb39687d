-- Campaigns that pause themselves when bounces or complaints pass a limit of the account's policy.
ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS self_paused boolean NOT NULL DEFAULT false;  -- 'problem' says why
ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS resume_note text NOT NULL DEFAULT '';        -- why it goes on all the same; limits are off then
