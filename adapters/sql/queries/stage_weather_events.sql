-- The session has an empty staging table for weather events, in the form of a binary COPY without nulls.
-- Bounded text, because a TOAST table, although never used, costs 4 ms at every commit.
CREATE TEMPORARY TABLE IF NOT EXISTS staged_weather_events (
    item integer NOT NULL,
    airport varchar(3) NOT NULL,
    observed_at timestamptz NOT NULL,
    known_at timestamptz NOT NULL, -- infinity = now, by the stack's clock
    temp_f double precision NOT NULL, -- NaN = not measured, as in all values here
    dewpoint_f double precision NOT NULL,
    humidity_pct double precision NOT NULL,
    wind_dir_deg double precision NOT NULL,
    wind_speed_mph double precision NOT NULL,
    wind_gust_mph double precision NOT NULL,
    precip_in double precision NOT NULL,
    pressure_mb double precision NOT NULL,
    visibility_mi double precision NOT NULL,
    source varchar(32) NOT NULL
) ON COMMIT DELETE ROWS
