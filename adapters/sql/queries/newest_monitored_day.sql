-- The newest day with a monitoring run; null before the first.
SELECT max(day) FROM monitoring_runs
