-- For each staged flight event, what differs from the stored event of its key: '' = nothing, null = none is stored.
-- The order is that of the items. When something became known is not part of what an event says.
SELECT s.item,
    CASE WHEN e.event_id IS NOT NULL THEN concat_ws(', ',
        CASE WHEN e.event_time <> s.event_time THEN 'event_time' END,
        CASE WHEN coalesce(e.carrier, '') <> rtrim(s.carrier) THEN 'carrier' END,
        CASE WHEN coalesce(e.flight_number, -2147483648) <> s.flight_number THEN 'flight_number' END,
        CASE WHEN coalesce(e.origin, '') <> rtrim(s.origin) THEN 'origin' END,
        CASE WHEN coalesce(e.dest, '') <> rtrim(s.dest) THEN 'dest' END,
        CASE WHEN coalesce(e.scheduled_departure, 'infinity') <> s.scheduled_departure
            THEN 'scheduled_departure' END,
        CASE WHEN coalesce(e.scheduled_arrival, 'infinity') <> s.scheduled_arrival THEN 'scheduled_arrival' END,
        CASE WHEN coalesce(e.delay_minutes, -2147483648) <> s.delay_minutes THEN 'delay_minutes' END,
        CASE WHEN coalesce(e.air_time_minutes, -2147483648) <> s.air_time_minutes THEN 'air_time_minutes' END
    ) END
FROM staged_flight_events s
LEFT JOIN flight_events e ON e.flight_id = rtrim(s.flight_id) AND e.kind = rtrim(s.kind)
ORDER BY s.item
