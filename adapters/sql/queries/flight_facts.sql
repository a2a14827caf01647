-- One row per flight scheduled in [:scheduled_from, :scheduled_until]: its schedule and what was known of it by
-- :known_by, from events numbered up to :last_event, revisions left out: flights that have any are in revised_flights.
-- No column is null: infinity = not known, -1 = no air time.
SELECT s.item_id, s.carrier, s.origin, s.dest, s.scheduled_departure, s.scheduled_arrival, s.known_at,
    coalesce(d.known_at, 'infinity'), coalesce(d.delay_minutes, 0),
    coalesce(a.known_at, 'infinity'), coalesce(a.delay_minutes, 0), coalesce(a.air_time_minutes, -1),
    coalesce(c.known_at, 'infinity')
FROM (
    SELECT rpad(flight_id, 21) AS item_id, flight_id, carrier, origin, dest, scheduled_departure,
        scheduled_arrival, known_at
    FROM flight_events
    WHERE kind = 'scheduled' AND revision = 0 AND scheduled_departure BETWEEN %(scheduled_from)s AND %(scheduled_until)s
        AND known_at <= %(known_by)s AND event_id <= %(last_event)s
) AS s
LEFT JOIN (
    SELECT flight_id, known_at, delay_minutes FROM flight_events
    WHERE kind = 'departed' AND revision = 0 AND known_at <= %(known_by)s
        AND event_id <= %(last_event)s
) AS d ON d.flight_id = s.flight_id
LEFT JOIN (
    SELECT flight_id, known_at, delay_minutes, air_time_minutes FROM flight_events
    WHERE kind = 'arrived' AND revision = 0 AND known_at <= %(known_by)s
        AND event_id <= %(last_event)s
) AS a ON a.flight_id = s.flight_id
LEFT JOIN (
    SELECT flight_id, min(known_at) AS known_at FROM flight_events
    WHERE kind IN ('cancelled', 'diverted') AND revision = 0 AND known_at <= %(known_by)s AND event_id <= %(last_event)s
    GROUP BY flight_id
) AS c ON c.flight_id = s.flight_id
