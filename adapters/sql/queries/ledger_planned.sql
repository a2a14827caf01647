-- The change that was planned and neither finished nor voided; at most one row.
SELECT deployment_id, to_version FROM deployments WHERE status = 'planned'
