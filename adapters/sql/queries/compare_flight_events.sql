-- For each staged flight event of :items, in their order: the revision of the newest stored event of its flight and kind
-- (null = none is stored); what differs from that one ('' = nothing, null = none is stored); since when that one is known
-- by its feed's word; whether the item is known later than it; whether an earlier stored event says the same; and whether
-- the item leaves open since when it is known.
-- When something became known is not part of what an event says.
SELECT s.item, e.revision,
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
        CASE WHEN coalesce(e.air_time_minutes, -2147483648) <> s.air_time_minutes THEN 'air_time_minutes' END,
        CASE WHEN coalesce(e.tail, '') <> rtrim(s.tail) THEN 'tail' END
    ) END,
    e.stated,
    CASE WHEN s.known_at = 'infinity' THEN stack_now() ELSE s.known_at END > e.stated,
    EXISTS (
        SELECT 1 FROM flight_events o
        WHERE o.flight_id = e.flight_id AND o.kind = e.kind AND o.revision < e.revision AND o.event_time = s.event_time
            AND coalesce(o.dest, '') = rtrim(s.dest)
            AND coalesce(o.scheduled_departure, 'infinity') = s.scheduled_departure
            AND coalesce(o.scheduled_arrival, 'infinity') = s.scheduled_arrival
            AND coalesce(o.delay_minutes, -2147483648) = s.delay_minutes
            AND coalesce(o.air_time_minutes, -2147483648) = s.air_time_minutes
            AND coalesce(o.tail, '') = rtrim(s.tail)),
    s.known_at = 'infinity'
FROM staged_flight_events s
LEFT JOIN LATERAL (
    SELECT *, coalesce(stated_at, known_at) AS stated FROM flight_events
    WHERE flight_id = rtrim(s.flight_id) AND kind = rtrim(s.kind) ORDER BY revision DESC LIMIT 1
) AS e ON true
WHERE s.item = ANY(%(items)s)
ORDER BY s.item
