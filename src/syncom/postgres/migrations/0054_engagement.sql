-- The engagement score of contacts (activity/engagement.py): points for messages opened and clicked that lose half of their
-- worth in 30 days.

-- What a point at this moment is worth, told at 2020-01-01: twice as much for every 30 days after it. A double has room for
-- a thousand half-lives either way. NULL is worth nothing.
CREATE OR REPLACE FUNCTION engagement_weight(moment timestamptz) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN moment IS NULL THEN 0::double precision
        ELSE power(2::double precision,
            greatest(-1000, least(1000, (extract(epoch FROM moment)::double precision - 1577836800) / 2592000)))
    END
$$;

-- Not indexed: every hit changes it, and rows of statistics must stay where they are (heap-only updates).
ALTER TABLE contact_statistics ADD COLUMN IF NOT EXISTS engagement double precision NOT NULL DEFAULT 0;

-- What was done before, also by contacts that were merged meanwhile.
UPDATE contact_statistics s SET engagement = found.engagement
FROM (
    SELECT e.account_id, coalesce(m.into_contact_id, e.contact_id) AS contact_id,
        sum(engagement_weight(e.first_open_at) + 3 * engagement_weight(e.first_click_at)) AS engagement
    FROM engagements e
    LEFT JOIN merged_contacts m
        ON m.account_id = e.account_id AND m.bucket = e.bucket AND m.contact_id = e.contact_id
    WHERE e.first_open_at IS NOT NULL
    GROUP BY 1, 2
) AS found
WHERE s.account_id = found.account_id AND s.bucket = (found.contact_id & 255)::smallint
    AND s.contact_id = found.contact_id;
