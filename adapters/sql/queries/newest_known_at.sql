-- The newest moment at which a flight event became known; null when there is none.
SELECT max(known_at) FROM flight_events
