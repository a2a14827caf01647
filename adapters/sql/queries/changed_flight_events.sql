-- Flight events numbered in (:after, :until], and older events of flights whose schedule is among them: all that is
-- new to whoever has read up to :after. The last column is 1 where the flight has a revision or a reinstatement numbered up
-- to :until, which revised_flights_of reads whole. No column is null. Announcements are in changed_announcements.
SELECT rpad(flight_id, 21), rpad(kind, 10), known_at, coalesce(carrier, '  '), coalesce(origin, '   '),
    coalesce(dest, '   '), coalesce(scheduled_departure, 'infinity'), coalesce(scheduled_arrival, 'infinity'),
    coalesce(delay_minutes, 0), coalesce(air_time_minutes, -1),
    CASE WHEN EXISTS (
        SELECT 1 FROM flight_events r
        WHERE r.flight_id = changed.flight_id AND (r.revision > 0 OR r.kind = 'reinstated') AND r.event_id <= %(until)s
            AND r.kind NOT IN ('aircraft_assigned', 'departure_estimated')
    ) THEN 1 ELSE 0 END
FROM (
    SELECT * FROM flight_events WHERE event_id > %(after)s AND event_id <= %(until)s
    UNION ALL
    SELECT e.*
    FROM flight_events s
    JOIN flight_events e ON e.flight_id = s.flight_id AND e.kind <> 'scheduled' AND e.event_id <= %(after)s
    WHERE s.kind = 'scheduled' AND s.event_id > %(after)s AND s.event_id <= %(until)s
) AS changed
WHERE kind NOT IN ('aircraft_assigned', 'departure_estimated')
