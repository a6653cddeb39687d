-- Orders from before there was attribution: the keeper looks at all of an account as it does when windows change. Those that
-- were attributed come out as they are.
INSERT INTO attribution_settings AS s (account_id, next_bucket)
SELECT a.account_id, 0 FROM accounts a WHERE EXISTS (SELECT FROM orders o WHERE o.account_id = a.account_id)
ON CONFLICT (account_id) DO UPDATE SET next_bucket = 0 WHERE s.next_bucket IS NULL;
