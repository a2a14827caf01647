-- For each staged observation, what differs from the stored one of its key: '' = nothing, null = none is stored.
SELECT s.item,
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
    ) END
FROM staged_weather_events s
LEFT JOIN weather_events e ON e.airport = rtrim(s.airport) AND e.observed_at = s.observed_at
ORDER BY s.item
