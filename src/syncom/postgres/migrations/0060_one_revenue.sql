-- Revenue of RFM knows refunds since 0057, and nothing calls the function that does not.
DROP FUNCTION IF EXISTS rfm_revenue(text, numeric, jsonb);
