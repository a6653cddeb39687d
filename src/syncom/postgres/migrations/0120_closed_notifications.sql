-- When a notification was put away without a click; its browser tells.
ALTER TABLE engagements ADD COLUMN IF NOT EXISTS closed_at timestamptz;
