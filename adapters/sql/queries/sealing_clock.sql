-- The server's own time, and the newest sealed tick, null before the first. Always one row.
SELECT clock_timestamp(), (SELECT max(tick) FROM feature_ticks)
