-- Where the owner of a workspace is told what becomes of its connections.
CREATE TABLE IF NOT EXISTS connection_webhooks (
    account_id         bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    url                text NOT NULL,
    failures           integer NOT NULL DEFAULT 0,
    next_attempt_at    timestamptz NOT NULL DEFAULT now(),
    leased_until       timestamptz NOT NULL DEFAULT '-infinity',    -- one process posts
    fence              bigint NOT NULL DEFAULT 0,                   -- counts leases
    last_error         text NOT NULL DEFAULT '',
    last_error_at      timestamptz,
    last_delivered_at  timestamptz
);

-- What is still to be told, written in the transaction that changed the connection; deleted once it was taken.
-- A number drawn by a transaction that began after another one was committed is the larger one.
CREATE TABLE IF NOT EXISTS connection_news (
    news_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id   bigint NOT NULL REFERENCES connection_webhooks ON DELETE CASCADE,
    event        text NOT NULL,                     -- connections/model.py, Event
    connection   jsonb NOT NULL,                    -- as it was then; nothing in it is secret
    happened_at  timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS connection_news_account ON connection_news (account_id, news_id);
