-- Overall value of each measure on the newest days up to a day, newest first.
SELECT name, day, value, n
FROM monitoring_metrics
WHERE slice = 'all' AND day <= %(until)s AND day > %(until)s - %(days)s
ORDER BY name, day DESC
