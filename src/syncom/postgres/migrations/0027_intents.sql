-- Search reads vectors on behalf of an account: of the actions that the account can see, and no others.
GRANT SELECT ON action_vectors TO syncom_tenant;
ALTER TABLE action_vectors ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON action_vectors;
CREATE POLICY tenant ON action_vectors FOR SELECT TO syncom_tenant
    USING (EXISTS (SELECT FROM actions WHERE actions.action_id = action_vectors.action_id));
