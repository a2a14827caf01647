-- The session has an empty staging table for flight events, in the form of a binary COPY without nulls.
-- Bounded text, because a TOAST table, although never used, costs 4 ms at every commit.
CREATE TEMPORARY TABLE IF NOT EXISTS staged_flight_events (
    item integer NOT NULL,
    flight_id varchar(21) NOT NULL,
    kind varchar(20) NOT NULL,
    event_time timestamptz NOT NULL,
    known_at timestamptz NOT NULL, -- infinity = now, by the stack's clock
    carrier varchar(2) NOT NULL, -- blank = none, as in all text here
    flight_number integer NOT NULL, -- the smallest integer = none, as in all numbers here
    origin varchar(3) NOT NULL,
    dest varchar(3) NOT NULL,
    scheduled_departure timestamptz NOT NULL,
    scheduled_arrival timestamptz NOT NULL,
    delay_minutes integer NOT NULL,
    air_time_minutes integer NOT NULL,
    tail varchar(8) NOT NULL,
    source varchar(32) NOT NULL
) ON COMMIT DELETE ROWS
