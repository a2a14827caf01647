-- The newest rows of the ledger, newest first, at most :limit.
SELECT deployment_id, action, from_version, to_version, who, reason, evidence, contract_hash, status, at,
    finished_at
FROM deployments ORDER BY deployment_id DESC LIMIT %(limit)s
