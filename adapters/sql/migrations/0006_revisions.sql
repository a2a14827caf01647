-- Events may be revised: `revision` counts what was said of one flight and kind, or of one airport and hour, from 0.
-- `stated_at` is since when the feed says an event is known, where it is stored as known later because a tick was sealed
-- meanwhile. A cancellation may be reversed; a number that leaves an airport twice on a date has a leg in its identity.
-- Until the contracting migration the earlier keys stay, so that earlier code goes on; revisions are refused until then.
ALTER TABLE flight_events
    ADD COLUMN revision integer NOT NULL DEFAULT 0,
    ADD COLUMN stated_at timestamptz,
    DROP CONSTRAINT flight_events_kind_check,
    ADD CONSTRAINT flight_events_kind_check CHECK (kind IN
        ('scheduled', 'departed', 'arrived', 'cancelled', 'diverted', 'reinstated')) NOT VALID,
    DROP CONSTRAINT flight_events_flight_id_check,
    ADD CONSTRAINT flight_events_flight_id_check
        CHECK (flight_id ~ '^[A-Z0-9]{2}[0-9]{1,4}-[A-Z]{3}(-[2-9])?-[0-9]{8}$') NOT VALID;
ALTER TABLE weather_events
    ADD COLUMN revision integer NOT NULL DEFAULT 0,
    ADD COLUMN stated_at timestamptz;
