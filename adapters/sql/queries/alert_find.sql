-- One alert.
SELECT alert_id, rule, severity, day, opened_at, message, acknowledged_at, resolved_at, acknowledged_by, notified_at,
    evidence
FROM alerts
WHERE alert_id = %(alert_id)s
