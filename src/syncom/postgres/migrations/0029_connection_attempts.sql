-- How attempts to connect a connection ended.
CREATE INDEX IF NOT EXISTS connection_requests_settled ON connection_requests (connection_id, created_at DESC)
    WHERE status <> 'pending';
