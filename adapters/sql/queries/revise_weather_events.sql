-- Stores the staged observations of :items as revisions of the newest of their airport and hour, which has the number in
-- the same place of :revised. One row per stored observation.
-- Promises about time and order as in revise_flight_events; the caller holds the lock of sealing.
INSERT INTO weather_events (airport, observed_at, known_at, stated_at, temp_f, dewpoint_f, humidity_pct, wind_dir_deg,
    wind_speed_mph, wind_gust_mph, precip_in, pressure_mb, visibility_mi, source, revision)
SELECT e.airport, e.observed_at, known, nullif(stated, known),
    nullif(s.temp_f, 'NaN'), nullif(s.dewpoint_f, 'NaN'), nullif(s.humidity_pct, 'NaN'), nullif(s.wind_dir_deg, 'NaN'),
    nullif(s.wind_speed_mph, 'NaN'), nullif(s.wind_gust_mph, 'NaN'), nullif(s.precip_in, 'NaN'),
    nullif(s.pressure_mb, 'NaN'), nullif(s.visibility_mi, 'NaN'), rtrim(s.source), e.revision + 1
FROM unnest(%(items)s, %(revised)s) AS given (item, revised)
JOIN staged_weather_events s USING (item)
JOIN weather_events e ON e.airport = rtrim(s.airport) AND e.observed_at = s.observed_at AND e.revision = given.revised
CROSS JOIN LATERAL (SELECT CASE WHEN s.known_at = 'infinity' THEN stack_now() ELSE s.known_at END AS stated) AS k
CROSS JOIN LATERAL (SELECT greatest(stated, e.known_at,
    (SELECT max(tick) FROM feature_ticks WHERE tick <= e.observed_at + %(reach)s) + interval '1 second') AS known) AS n
ORDER BY e.airport, e.observed_at
ON CONFLICT DO NOTHING
RETURNING airport, observed_at
