-- What the staged flight events revise is revised from now on.
UPDATE staged_flight_events SET known_at = 'infinity'
