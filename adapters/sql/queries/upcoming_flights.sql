-- Flights scheduled to leave in [:from, :until), as known at :now, that had neither left nor been called off by then;
-- in order of departure.
SELECT s.flight_id, s.carrier, s.flight_number, s.origin, s.dest, s.scheduled_departure, s.scheduled_arrival
FROM flight_events s
WHERE s.kind = 'scheduled' AND s.known_at <= %(now)s
    AND s.scheduled_departure >= %(from)s AND s.scheduled_departure < %(until)s
    AND NOT EXISTS (
        SELECT 1 FROM flight_events e
        WHERE e.flight_id = s.flight_id AND e.kind IN ('departed', 'cancelled', 'diverted') AND e.known_at <= %(now)s)
ORDER BY s.scheduled_departure, s.flight_id
