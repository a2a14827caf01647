-- The version of the newest finished change; no row before the first.
SELECT to_version FROM deployments WHERE status = 'done' ORDER BY deployment_id DESC LIMIT 1
