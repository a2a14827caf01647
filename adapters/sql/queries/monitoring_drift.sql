-- Drift of each feature on some days as a multiple of its threshold; null where it has none or was not measured.
SELECT slice, day, value / nullif(high, 0)
FROM monitoring_metrics
WHERE day BETWEEN %(first)s AND %(last)s AND name = 'drift'
ORDER BY slice, day
