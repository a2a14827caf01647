-- A feed may announce which aircraft is to fly, and when a flight is expected to leave.
ALTER TABLE flight_events
    ADD COLUMN tail text,
    ADD CONSTRAINT flight_events_tail_check CHECK (tail ~ '^[A-Z0-9][A-Z0-9-]{1,7}$') NOT VALID,
    ADD CONSTRAINT flight_events_announced_check CHECK (
        (kind <> 'aircraft_assigned' OR tail IS NOT NULL)
        AND (kind <> 'departure_estimated' OR delay_minutes IS NOT NULL)) NOT VALID,
    DROP CONSTRAINT flight_events_kind_check,
    ADD CONSTRAINT flight_events_kind_check CHECK (kind IN
        ('scheduled', 'departed', 'arrived', 'cancelled', 'diverted', 'reinstated', 'aircraft_assigned',
         'departure_estimated')) NOT VALID;
