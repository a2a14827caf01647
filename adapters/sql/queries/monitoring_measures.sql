-- All measures of a day.
SELECT name, slice, value, low, high, n FROM monitoring_metrics WHERE day = %(day)s ORDER BY name, slice
