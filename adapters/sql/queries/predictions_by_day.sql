-- How many predictions are stored of the flights of each local day in [:from, :until], and of how many flights.
SELECT to_date(right(flight_id, 8), 'YYYYMMDD') AS day, count(*), count(DISTINCT flight_id)
FROM predictions
WHERE as_of BETWEEN %(as_of_from)s AND %(as_of_until)s AND right(flight_id, 8) BETWEEN %(from)s AND %(until)s
GROUP BY day
ORDER BY day
