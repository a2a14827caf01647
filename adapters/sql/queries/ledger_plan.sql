-- A planned change, on record before the alias moves. At most one can be planned. One row: the change.
-- Where the contract of a version is not given, an earlier row of the same version says it.
INSERT INTO deployments (action, from_version, to_version, who, reason, evidence, contract_hash, status, at)
VALUES (%(action)s, %(from_version)s, %(to_version)s, %(who)s, %(reason)s, %(evidence)s,
    coalesce(%(contract_hash)s, (
        SELECT contract_hash FROM deployments
        WHERE to_version = %(to_version)s AND contract_hash IS NOT NULL
        ORDER BY deployment_id DESC LIMIT 1)),
    'planned', coalesce(%(at)s, stack_now()))
RETURNING deployment_id, action, from_version, to_version, who, reason, evidence, contract_hash, status, at,
    finished_at
