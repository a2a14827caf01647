-- Alerts opened for some days, oldest first; with :open_only those that are not resolved.
SELECT alert_id, rule, severity, day, opened_at, message, acknowledged_at, resolved_at, acknowledged_by, notified_at,
    evidence
FROM alerts
WHERE day BETWEEN %(first)s AND %(last)s AND (NOT %(open_only)s OR resolved_at IS NULL)
ORDER BY alert_id
