-- The log of calls is read by workflow, in the order of its key.
CREATE INDEX IF NOT EXISTS workflow_calls_workflow ON workflow_calls (account_id, workflow_id, bucket, call_id);
