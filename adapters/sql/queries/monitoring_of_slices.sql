-- Mean over some days of a measure that is itself a mean over rows, a row a slice with how many rows and days it has.
SELECT slice, sum(value * n) / sum(n), sum(n), count(*)
FROM monitoring_metrics
WHERE day BETWEEN %(first)s AND %(last)s AND name = %(name)s AND value IS NOT NULL AND n > 0
GROUP BY slice
ORDER BY 2 DESC
