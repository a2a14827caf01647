-- An alert is open; no row comes back when one of that rule was open already.
INSERT INTO alerts (rule, severity, day, opened_at, message, evidence)
VALUES (%(rule)s, %(severity)s, %(day)s, %(opened_at)s, %(message)s, %(evidence)s)
ON CONFLICT (rule, slice) WHERE resolved_at IS NULL DO NOTHING
RETURNING alert_id
