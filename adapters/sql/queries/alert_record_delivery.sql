-- One attempt to deliver an alert is on record.
INSERT INTO alert_deliveries (alert_id, address, delivered, detail)
VALUES (%(alert_id)s, %(address)s, %(delivered)s, %(detail)s)
