-- What was announced (:kinds) by :known_by of flights scheduled in [:scheduled_from, :scheduled_until], from events numbered
-- up to :last_event, revisions included. No column is null.
SELECT rpad(flight_id, 21), rpad(kind, 20), event_id, known_at, rpad(coalesce(tail, ''), 8), coalesce(delay_minutes, 0)
FROM flight_events
WHERE kind = ANY(%(kinds)s) AND known_at <= %(known_by)s AND event_id <= %(last_event)s AND flight_id IN (
    SELECT flight_id FROM flight_events
    WHERE kind = 'scheduled' AND scheduled_departure BETWEEN %(scheduled_from)s AND %(scheduled_until)s)
