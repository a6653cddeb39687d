-- What of an order counts as money (rfm/model.py, Revenue). The planner puts it in place, so it costs no call.
CREATE OR REPLACE FUNCTION rfm_revenue(counted text, total numeric, details jsonb) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round(CASE WHEN counted = 'net'
    THEN total - coalesce((details ->> 'shipping')::numeric, 0) - coalesce((details ->> 'taxes')::numeric, 0)
    ELSE total END, 2);
