-- Every event known by :known_by, numbered up to :last_event, announcements left out, of the flights that had a revision or a reinstatement by
-- then, and in some of their schedules a departure in [:scheduled_from, :scheduled_until]. No column is null.
SELECT rpad(flight_id, 21), rpad(kind, 10), event_id, known_at, coalesce(carrier, '  '), coalesce(origin, '   '),
    coalesce(dest, '   '), coalesce(scheduled_departure, 'infinity'), coalesce(scheduled_arrival, 'infinity'),
    coalesce(delay_minutes, 0), coalesce(air_time_minutes, -1)
FROM flight_events
WHERE known_at <= %(known_by)s AND event_id <= %(last_event)s
    AND kind NOT IN ('aircraft_assigned', 'departure_estimated') AND flight_id IN (
    SELECT r.flight_id
    FROM flight_events r
    JOIN flight_events s ON s.flight_id = r.flight_id AND s.kind = 'scheduled'
    WHERE (r.revision > 0 OR r.kind = 'reinstated') AND r.known_at <= %(known_by)s AND r.event_id <= %(last_event)s
        AND r.kind NOT IN ('aircraft_assigned', 'departure_estimated')
        AND s.scheduled_departure BETWEEN %(scheduled_from)s AND %(scheduled_until)s
        AND s.known_at <= %(known_by)s AND s.event_id <= %(last_event)s)
