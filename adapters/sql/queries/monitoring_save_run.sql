-- The monitoring run is on record.
INSERT INTO monitoring_runs (day, finished_at, model_version, predictions, labelled, report_html, report_json, seconds)
VALUES (%(day)s, %(finished_at)s, %(model_version)s, %(predictions)s, %(labelled)s, %(report_html)s, %(report_json)s,
        %(seconds)s)
