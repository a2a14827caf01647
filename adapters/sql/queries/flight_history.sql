-- Everything known of a flight by :now, in the order in which it became known.
SELECT kind, event_time, known_at, carrier, flight_number, origin, dest, scheduled_departure, scheduled_arrival,
    delay_minutes, tail, source
FROM flight_events
WHERE flight_id = %(flight_id)s AND known_at <= %(now)s
ORDER BY known_at, event_id
