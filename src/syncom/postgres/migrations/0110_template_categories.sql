-- Subscription categories that everything made from a template belongs to, by key.
ALTER TABLE templates ADD COLUMN IF NOT EXISTS categories text[] NOT NULL DEFAULT '{}';
