-- The monitoring runs of some days, oldest first.
SELECT day, finished_at, model_version, predictions, labelled, report_html, report_json, seconds
FROM monitoring_runs
WHERE day BETWEEN %(first)s AND %(last)s
ORDER BY day
