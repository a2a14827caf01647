-- Those of some flights that have an arrival, one row each.
SELECT flight_id FROM flight_events WHERE flight_id = ANY(%(flight_ids)s) AND kind = 'arrived' AND revision = 0
