-- The newest rows of the ledger before row :before, newest first, at most :limit.
SELECT deployment_id, action, from_version, to_version, who, reason, evidence, contract_hash, status, at,
    finished_at
FROM deployments WHERE deployment_id < %(before)s
ORDER BY deployment_id DESC LIMIT %(limit)s
