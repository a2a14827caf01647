-- What monitoring runs read every day, however long the history is: labels by the flight's local day, and the flights
-- that were called off. Readers wait for none of it; what is appended waits until it is done.
CREATE INDEX IF NOT EXISTS labels_by_local_day ON labels (right(flight_id, 8));
CREATE INDEX IF NOT EXISTS flight_events_called_off ON flight_events (flight_id, known_at)
    WHERE kind IN ('cancelled', 'diverted');
