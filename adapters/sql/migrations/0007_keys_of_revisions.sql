-- Indexes and checks of revisions, in a transaction of their own: they take time, but readers wait for none of it.
CREATE UNIQUE INDEX flight_events_revision ON flight_events (flight_id, kind, revision);
CREATE INDEX flight_events_revised ON flight_events (flight_id) WHERE revision > 0 OR kind = 'reinstated';
CREATE UNIQUE INDEX weather_events_revision ON weather_events (airport, observed_at, revision);
ALTER TABLE flight_events VALIDATE CONSTRAINT flight_events_kind_check;
ALTER TABLE flight_events VALIDATE CONSTRAINT flight_events_flight_id_check;
