-- Those of some flights that have a schedule, one row each.
SELECT flight_id FROM flight_events WHERE flight_id = ANY(%(flight_ids)s) AND kind = 'scheduled' AND revision = 0
