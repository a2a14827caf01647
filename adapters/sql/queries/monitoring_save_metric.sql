-- One measure of the run is on record.
INSERT INTO monitoring_metrics (day, model_version, name, slice, value, low, high, n)
VALUES (%(day)s, %(model_version)s, %(name)s, %(slice)s, %(value)s, %(low)s, %(high)s, %(n)s)
