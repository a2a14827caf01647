-- Every event of some flights, numbered up to :last_event, announcements left out. No column is null.
SELECT rpad(flight_id, 21), rpad(kind, 10), event_id, known_at, coalesce(carrier, '  '), coalesce(origin, '   '),
    coalesce(dest, '   '), coalesce(scheduled_departure, 'infinity'), coalesce(scheduled_arrival, 'infinity'),
    coalesce(delay_minutes, 0), coalesce(air_time_minutes, -1)
FROM flight_events
WHERE flight_id = ANY(%(flight_ids)s) AND event_id <= %(last_event)s
    AND kind NOT IN ('aircraft_assigned', 'departure_estimated')
