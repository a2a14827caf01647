-- Predictions of the flights whose local day is in [:from, :until], in order of as_of, each with the word on its flight
-- at :known_by. One row per prediction; label columns are null where none is known.
-- With a contract: only its predictions, and their features as text; without: no features.
SELECT p.prediction_id::text, p.flight_id, p.carrier, p.origin, p.dest, p.scheduled_departure, p.scheduled_arrival,
    p.as_of, p.lead_minutes, p.state_tick, p.contract_hash, p.probability, p.model_version, p.challenger_version,
    p.challenger_probability, p.latency_us, l.arr_delay_minutes, l.is_late::integer,
    CASE WHEN %(contract_hash)s::text IS NOT NULL THEN p.features::text END
FROM predictions p
LEFT JOIN LATERAL (
    SELECT arr_delay_minutes, is_late FROM labels l
    WHERE l.flight_id = p.flight_id AND l.known_at <= %(known_by)s AND NOT EXISTS (
        SELECT 1 FROM labels c WHERE c.corrects IS NOT NULL AND c.corrects = l.label_id AND c.known_at <= %(known_by)s)
) AS l ON true
WHERE p.as_of BETWEEN %(as_of_from)s AND %(as_of_until)s AND right(p.flight_id, 8) BETWEEN %(from)s AND %(until)s
    AND (%(contract_hash)s::text IS NULL OR p.contract_hash = %(contract_hash)s)
ORDER BY p.as_of, p.prediction_id
