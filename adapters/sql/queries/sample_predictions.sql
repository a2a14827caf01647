-- Of each flight of [:from, :until] the prediction nearest to the headline lead, of equally near the newest, with the
-- word on the flight at :known_by; of the flights a share, chosen by a hash of their identity, the same every time.
-- Features as text of flights of local days from :features_from on. In order of as_of, as `fetch_predictions`.
WITH chosen AS (
    SELECT DISTINCT ON (flight_id) prediction_id, as_of
    FROM predictions
    WHERE as_of BETWEEN %(as_of_from)s AND %(as_of_until)s AND right(flight_id, 8) BETWEEN %(from)s AND %(until)s
        AND contract_hash = %(contract_hash)s AND abs(lead_minutes - %(lead)s) <= %(tolerance)s
        AND (%(share)s >= 1 OR (hashtext(flight_id) & 2147483647) < %(share)s * 2147483648)
    ORDER BY flight_id, abs(lead_minutes - %(lead)s), as_of DESC, prediction_id
)
SELECT p.prediction_id::text, p.flight_id, p.carrier, p.origin, p.dest, p.scheduled_departure, p.scheduled_arrival,
    p.as_of, p.lead_minutes, p.state_tick, p.contract_hash, p.probability, p.model_version, p.challenger_version,
    p.challenger_probability, p.latency_us, l.arr_delay_minutes, l.is_late::integer,
    CASE WHEN right(p.flight_id, 8) >= %(features_from)s THEN p.features::text END
FROM chosen
JOIN predictions p ON p.prediction_id = chosen.prediction_id AND p.as_of = chosen.as_of
    AND p.as_of BETWEEN %(as_of_from)s AND %(as_of_until)s
LEFT JOIN LATERAL (
    SELECT arr_delay_minutes, is_late FROM labels l
    WHERE l.flight_id = p.flight_id AND l.known_at <= %(known_by)s AND NOT EXISTS (
        SELECT 1 FROM labels c WHERE c.corrects IS NOT NULL AND c.corrects = l.label_id AND c.known_at <= %(known_by)s)
) AS l ON true
ORDER BY p.as_of, p.prediction_id
