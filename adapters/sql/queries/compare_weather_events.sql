-- For each staged observation of :items, in their order, what compare_flight_events says of flight events.
SELECT s.item, e.revision,
    CASE WHEN e.event_id IS NOT NULL THEN concat_ws(', ',
        CASE WHEN coalesce(e.temp_f, 'NaN') <> s.temp_f THEN 'temp_f' END,
        CASE WHEN coalesce(e.dewpoint_f, 'NaN') <> s.dewpoint_f THEN 'dewpoint_f' END,
        CASE WHEN coalesce(e.humidity_pct, 'NaN') <> s.humidity_pct THEN 'humidity_pct' END,
        CASE WHEN coalesce(e.wind_dir_deg, 'NaN') <> s.wind_dir_deg THEN 'wind_dir_deg' END,
        CASE WHEN coalesce(e.wind_speed_mph, 'NaN') <> s.wind_speed_mph THEN 'wind_speed_mph' END,
        CASE WHEN coalesce(e.wind_gust_mph, 'NaN') <> s.wind_gust_mph THEN 'wind_gust_mph' END,
        CASE WHEN coalesce(e.precip_in, 'NaN') <> s.precip_in THEN 'precip_in' END,
        CASE WHEN coalesce(e.pressure_mb, 'NaN') <> s.pressure_mb THEN 'pressure_mb' END,
        CASE WHEN coalesce(e.visibility_mi, 'NaN') <> s.visibility_mi THEN 'visibility_mi' END
    ) END,
    e.stated,
    CASE WHEN s.known_at = 'infinity' THEN stack_now() ELSE s.known_at END > e.stated,
    EXISTS (
        SELECT 1 FROM weather_events o
        WHERE o.airport = e.airport AND o.observed_at = e.observed_at AND o.revision < e.revision
            AND coalesce(o.temp_f, 'NaN') = s.temp_f
            AND coalesce(o.dewpoint_f, 'NaN') = s.dewpoint_f
            AND coalesce(o.humidity_pct, 'NaN') = s.humidity_pct
            AND coalesce(o.wind_dir_deg, 'NaN') = s.wind_dir_deg
            AND coalesce(o.wind_speed_mph, 'NaN') = s.wind_speed_mph
            AND coalesce(o.wind_gust_mph, 'NaN') = s.wind_gust_mph
            AND coalesce(o.precip_in, 'NaN') = s.precip_in
            AND coalesce(o.pressure_mb, 'NaN') = s.pressure_mb
            AND coalesce(o.visibility_mi, 'NaN') = s.visibility_mi),
    s.known_at = 'infinity'
FROM staged_weather_events s
LEFT JOIN LATERAL (
    SELECT *, coalesce(stated_at, known_at) AS stated FROM weather_events
    WHERE airport = rtrim(s.airport) AND observed_at = s.observed_at ORDER BY revision DESC LIMIT 1
) AS e ON true
WHERE s.item = ANY(%(items)s)
ORDER BY s.item
