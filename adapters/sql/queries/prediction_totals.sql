-- Latencies of the predictions of the flights whose local day is in [:from, :until], counted in cells of 1.6 percent, with the
-- oldest state in each cell and how many were asked near the headline lead.
-- One pass and a few hundred rows, however many predictions there are.
SELECT round(ln(greatest(latency_us, 1)) * 64)::integer AS cell, count(*),
    coalesce(max(extract(epoch FROM as_of - state_tick) / 60), 0)::float8,
    count(*) FILTER (WHERE abs(lead_minutes - %(lead)s) <= %(tolerance)s)
FROM predictions
WHERE as_of BETWEEN %(as_of_from)s AND %(as_of_until)s AND right(flight_id, 8) BETWEEN %(from)s AND %(until)s
GROUP BY 1
ORDER BY 1
