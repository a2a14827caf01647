-- Alerts opened for some days, oldest first.
SELECT alert_id, rule, severity, day, opened_at, message, acknowledged_at, resolved_at
FROM alerts
WHERE day BETWEEN %(first)s AND %(last)s
ORDER BY alert_id
