-- Every observation known in [:known_from, :known_by], numbered up to :last_event; NaN = not measured, never null.
SELECT airport, observed_at, known_at, revision,
    coalesce(temp_f, 'NaN'), coalesce(dewpoint_f, 'NaN'), coalesce(humidity_pct, 'NaN'),
    coalesce(wind_dir_deg, 'NaN'), coalesce(wind_speed_mph, 'NaN'), coalesce(wind_gust_mph, 'NaN'),
    coalesce(precip_in, 'NaN'), coalesce(pressure_mb, 'NaN'), coalesce(visibility_mi, 'NaN')
FROM weather_events
WHERE known_at BETWEEN %(known_from)s AND %(known_by)s AND event_id <= %(last_event)s
