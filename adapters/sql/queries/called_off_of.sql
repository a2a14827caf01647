-- Those of some flights that are cancelled or diverted by the newest word, one row each.
SELECT flight_id FROM (
    SELECT DISTINCT ON (flight_id) flight_id, kind FROM flight_events
    WHERE flight_id = ANY(%(flight_ids)s) AND kind IN ('cancelled', 'diverted', 'reinstated')
    ORDER BY flight_id, known_at DESC, event_id DESC
) AS newest
WHERE kind <> 'reinstated'
