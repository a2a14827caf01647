-- Every attempt to deliver an alert, in their order.
SELECT address, delivered, detail, attempted_at FROM alert_deliveries WHERE alert_id = %(alert_id)s ORDER BY delivery_id
