-- The alert was delivered.
UPDATE alerts SET notified_at = %(at)s WHERE alert_id = %(alert_id)s
