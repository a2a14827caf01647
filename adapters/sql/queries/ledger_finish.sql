-- The planned change is done or void afterwards, and the channel deployments hears of it. One row: the change.
WITH finished AS (
    UPDATE deployments SET status = %(status)s, finished_at = clock_timestamp()
    WHERE deployment_id = %(deployment_id)s
    RETURNING *
)
SELECT deployment_id, action, from_version, to_version, who, reason, evidence, contract_hash, status, at,
    finished_at
FROM finished CROSS JOIN LATERAL (SELECT pg_notify('deployments', to_version::text)) AS notified
