-- When the newest facts became known, as of :now: of flights, what is announced of them left out, and of weather.
SELECT
    (SELECT max(known_at) FROM flight_events
        WHERE known_at <= %(now)s AND known_at > %(now)s - interval '60 days' AND kind NOT IN ('scheduled', 'aircraft_assigned', 'departure_estimated')),
    (SELECT max(known_at) FROM weather_events WHERE known_at <= %(now)s)
