-- Predictions from :from on and before :until, of one flight where :flight_id is given, each with the newest label of
-- its flight; newest first, at most :limit, only those after the row (:as_of, :prediction_id) in that order.
SELECT p.prediction_id, p.flight_id, p.carrier, p.flight_number, p.origin, p.dest, p.scheduled_departure,
    p.scheduled_arrival, p.as_of, p.lead_minutes, p.probability, p.model_version, p.challenger_version,
    p.challenger_probability, p.served_at, l.arr_delay_minutes, l.is_late, l.known_at, l.corrects IS NOT NULL
FROM (
    SELECT * FROM predictions
    WHERE (%(flight_id)s::text IS NULL OR flight_id = %(flight_id)s)
        AND as_of >= %(from)s AND as_of < %(until)s
        AND as_of <= %(as_of)s AND (as_of < %(as_of)s OR prediction_id < %(prediction_id)s::uuid)
    ORDER BY as_of DESC, prediction_id DESC
    LIMIT %(limit)s
) p
LEFT JOIN LATERAL (
    SELECT * FROM labels WHERE labels.flight_id = p.flight_id ORDER BY label_id DESC LIMIT 1
) l ON true
ORDER BY p.as_of DESC, p.prediction_id DESC
