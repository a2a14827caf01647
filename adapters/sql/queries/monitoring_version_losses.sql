-- What each version lost, or would have lost, on the labelled flights of some days.
SELECT day, slice, value, n
FROM monitoring_metrics
WHERE name = 'version_log_loss' AND day BETWEEN %(first)s AND %(last)s AND value IS NOT NULL
ORDER BY day, slice
