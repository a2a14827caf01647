-- Nothing of an earlier run of the day is left.
WITH gone AS (DELETE FROM monitoring_metrics WHERE day = %(day)s)
DELETE FROM monitoring_runs WHERE day = %(day)s
