-- The count is stored; sent again, it is stored once.
INSERT INTO service_counts (worker, batch, minute, day, kind, count)
VALUES (%(worker)s, %(batch)s, %(minute)s, %(day)s, %(kind)s, %(count)s)
ON CONFLICT DO NOTHING
