-- A person has seen the alert; the first acknowledgement is kept.
UPDATE alerts SET acknowledged_at = coalesce(acknowledged_at, %(at)s), acknowledged_by = coalesce(acknowledged_by, %(who)s)
WHERE alert_id = %(alert_id)s
