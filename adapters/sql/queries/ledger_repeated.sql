-- The newest finished change, if it is a rollback of :who for :reason within the last :seconds of real time.
SELECT deployment_id, action, from_version, to_version, who, reason, evidence, contract_hash, status, at, finished_at
FROM (SELECT * FROM deployments WHERE status = 'done' ORDER BY deployment_id DESC LIMIT 1) AS newest
WHERE action = 'rollback' AND who = %(who)s AND reason = %(reason)s
    AND recorded_at > now() - %(seconds)s * interval '1 second'
