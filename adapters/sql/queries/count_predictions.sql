-- How many predictions are stored.
SELECT count(*) FROM predictions
