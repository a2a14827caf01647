-- How many predictions of the flights of a local day were acknowledged; none where nothing was counted.
SELECT sum(count)::integer FROM service_counts WHERE day = %(day)s AND kind = 'predicted'
