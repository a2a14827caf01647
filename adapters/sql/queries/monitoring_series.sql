-- Overall values of some measures on some days, in order of day.
SELECT name, day, value, low, high, n
FROM monitoring_metrics
WHERE day BETWEEN %(first)s AND %(last)s AND slice = 'all' AND name = ANY(%(names)s)
ORDER BY day
