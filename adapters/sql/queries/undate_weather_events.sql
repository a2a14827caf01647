-- What the staged weather events revise is revised from now on.
UPDATE staged_weather_events SET known_at = 'infinity'
