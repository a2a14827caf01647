-- The tick is sealed afterwards. One row: the highest numbers of flight and weather events, 0 when there are none.
-- The caller holds the lock of sealing alone, so no event with a lower number can appear later.
WITH sealed AS (
    INSERT INTO feature_ticks (tick) VALUES (%(tick)s) ON CONFLICT DO NOTHING
)
SELECT coalesce((SELECT max(event_id) FROM flight_events), 0), coalesce((SELECT max(event_id) FROM weather_events), 0)
