-- Stores the staged observations of which there is none yet of their airport and hour. One row per stored observation.
-- Promises about time, order and equal keys as in append_flight_events; the caller holds the lock of sealing.
INSERT INTO weather_events (airport, observed_at, known_at, stated_at, temp_f, dewpoint_f, humidity_pct, wind_dir_deg,
    wind_speed_mph, wind_gust_mph, precip_in, pressure_mb, visibility_mi, source)
SELECT rtrim(airport), observed_at, known, nullif(stated, known),
    nullif(temp_f, 'NaN'), nullif(dewpoint_f, 'NaN'), nullif(humidity_pct, 'NaN'), nullif(wind_dir_deg, 'NaN'),
    nullif(wind_speed_mph, 'NaN'), nullif(wind_gust_mph, 'NaN'), nullif(precip_in, 'NaN'),
    nullif(pressure_mb, 'NaN'), nullif(visibility_mi, 'NaN'), rtrim(source)
FROM staged_weather_events
CROSS JOIN LATERAL (SELECT CASE WHEN known_at = 'infinity' THEN stack_now() ELSE known_at END AS stated) AS k
CROSS JOIN LATERAL (SELECT greatest(stated,
    (SELECT max(tick) FROM feature_ticks WHERE tick <= observed_at + %(reach)s) + interval '1 second') AS known) AS n
ORDER BY airport, observed_at, known_at, item
ON CONFLICT DO NOTHING
RETURNING airport, observed_at
