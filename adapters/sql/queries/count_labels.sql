-- How many flights have a label.
SELECT count(*) FROM labels WHERE corrects IS NULL
