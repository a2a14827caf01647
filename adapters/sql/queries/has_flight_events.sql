-- One row when there is any flight event.
SELECT 1 FROM flight_events LIMIT 1
