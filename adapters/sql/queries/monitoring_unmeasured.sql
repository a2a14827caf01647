-- Overall measures that some days before have or could have had and that have no value on :day, and the newest day on
-- which each had one.
SELECT name, max(day) FILTER (WHERE value IS NOT NULL)
FROM monitoring_metrics
WHERE day BETWEEN %(first)s AND %(day)s AND slice = 'all'
GROUP BY name
HAVING bool_or(day = %(day)s AND value IS NOT NULL) IS NOT TRUE
ORDER BY name
