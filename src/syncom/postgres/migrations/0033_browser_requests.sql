-- Finding what a browser program waits for by the name it gave it.
CREATE INDEX IF NOT EXISTS connection_requests_browser
    ON connection_requests (account_id, tenant_id, (wishes ->> 'browser_request'))
    WHERE wishes ->> 'browser_request' IS NOT NULL;
