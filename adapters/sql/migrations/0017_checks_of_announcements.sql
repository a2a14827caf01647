-- In a transaction of its own: it takes time, but readers wait for none of it.
ALTER TABLE flight_events
    VALIDATE CONSTRAINT flight_events_tail_check,
    VALIDATE CONSTRAINT flight_events_announced_check,
    VALIDATE CONSTRAINT flight_events_kind_check;
