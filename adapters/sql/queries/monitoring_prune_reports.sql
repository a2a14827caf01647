-- Pages of runs before :before are no longer named; their JSON stays. One row per page that was.
WITH old AS (SELECT day, report_html FROM monitoring_runs WHERE day < %(before)s AND report_html IS NOT NULL FOR UPDATE)
UPDATE monitoring_runs r SET report_html = NULL FROM old WHERE r.day = old.day RETURNING old.report_html
