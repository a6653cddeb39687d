-- An attachment is a row that never changes and outlives its template: a content that was frozen names it by id.
-- Without a template it belongs to sent mail only.
ALTER TABLE template_attachments ALTER COLUMN template_id DROP NOT NULL;
ALTER TABLE template_attachments DROP CONSTRAINT IF EXISTS template_attachments_template_id_fkey;
ALTER TABLE template_attachments ADD CONSTRAINT template_attachments_template_id_fkey
    FOREIGN KEY (template_id) REFERENCES templates ON DELETE SET NULL;
