-- Overall value of each measure on the newest nights up to a day, newest first.
SELECT name, day, value, n
FROM monitoring_metrics
WHERE slice = 'all' AND day <= %(until)s AND day > %(until)s - %(nights)s
ORDER BY name, day DESC
