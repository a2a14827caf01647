-- The alert has reached every address.
UPDATE alerts SET notified_at = clock_timestamp() WHERE alert_id = %(alert_id)s
