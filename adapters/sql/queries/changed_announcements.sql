-- What was announced (:kinds) in events numbered in (:after, :until], and before of flights whose schedule is among them.
-- No column is null.
SELECT DISTINCT rpad(flight_id, 21), rpad(kind, 20), event_id, known_at, rpad(coalesce(tail, ''), 8),
    coalesce(delay_minutes, 0)
FROM (
    SELECT * FROM flight_events WHERE event_id > %(after)s AND event_id <= %(until)s
    UNION ALL
    SELECT e.*
    FROM flight_events s
    JOIN flight_events e ON e.flight_id = s.flight_id AND e.event_id <= %(after)s
    WHERE s.kind = 'scheduled' AND s.event_id > %(after)s AND s.event_id <= %(until)s
) AS changed
WHERE kind = ANY(%(kinds)s)
