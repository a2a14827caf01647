-- How many flight events there are.
SELECT count(*) FROM flight_events
