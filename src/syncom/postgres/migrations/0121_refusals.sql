-- Refusals that servers say while we speak to them are kept beside the reports that come back later.
COMMENT ON COLUMN bounces.kind IS '1 bounced 2 delayed 3 delivered 4 complaint 5 not spam 6 other feedback 7 refused at once';
COMMENT ON COLUMN bounces.source IS 'bounce mail, mailbox 3, ses webhook 4; of a refusal smtp and the server''s name';
COMMENT ON COLUMN bounce_strikes.times IS 'launched_at of the messages, the newest ones, each once, newest first';
