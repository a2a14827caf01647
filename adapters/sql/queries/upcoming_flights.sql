-- Flights scheduled to leave in [:from, :until), by the newest schedule known at :now, that had neither left nor were
-- called off by then; in order of departure.
SELECT s.flight_id, s.carrier, s.flight_number, s.origin, s.dest, s.scheduled_departure, s.scheduled_arrival
FROM flight_events s
WHERE s.kind = 'scheduled' AND s.known_at <= %(now)s
    AND s.scheduled_departure >= %(from)s AND s.scheduled_departure < %(until)s
    AND NOT EXISTS (
        SELECT 1 FROM flight_events r
        WHERE r.flight_id = s.flight_id AND r.kind = 'scheduled' AND r.revision > s.revision AND r.known_at <= %(now)s)
    AND NOT EXISTS (
        SELECT 1 FROM flight_events d
        WHERE d.flight_id = s.flight_id AND d.kind = 'departed' AND d.known_at <= %(now)s)
    AND coalesce((
        SELECT c.kind FROM flight_events c
        WHERE c.flight_id = s.flight_id AND c.kind IN ('cancelled', 'diverted', 'reinstated') AND c.known_at <= %(now)s
        ORDER BY c.known_at DESC, c.event_id DESC LIMIT 1), 'reinstated') = 'reinstated'
ORDER BY s.scheduled_departure, s.flight_id
