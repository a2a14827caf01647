-- Addresses that have taken an alert.
SELECT DISTINCT address FROM alert_deliveries WHERE alert_id = %(alert_id)s AND delivered
