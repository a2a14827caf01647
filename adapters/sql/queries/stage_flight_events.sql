-- The session has an empty staging table for flight events, in the form of a binary COPY without nulls.
CREATE TEMPORARY TABLE IF NOT EXISTS staged_flight_events (
    item integer NOT NULL,
    flight_id text NOT NULL,
    kind text NOT NULL,
    event_time timestamptz NOT NULL,
    known_at timestamptz NOT NULL, -- infinity = now, by the stack's clock
    carrier text NOT NULL, -- blank = none, as in all text here
    flight_number integer NOT NULL, -- the smallest integer = none, as in all numbers here
    origin text NOT NULL,
    dest text NOT NULL,
    scheduled_departure timestamptz NOT NULL,
    scheduled_arrival timestamptz NOT NULL,
    delay_minutes integer NOT NULL,
    air_time_minutes integer NOT NULL,
    source text NOT NULL
) ON COMMIT DELETE ROWS
