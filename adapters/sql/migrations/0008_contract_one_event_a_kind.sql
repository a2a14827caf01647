-- A flight and kind, or an airport and hour, may have more than one event: the keys that earlier code needs go.
ALTER TABLE flight_events DROP CONSTRAINT flight_events_flight_id_kind_key;
ALTER TABLE weather_events DROP CONSTRAINT weather_events_airport_observed_at_key;
