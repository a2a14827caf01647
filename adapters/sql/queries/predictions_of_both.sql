-- Predictions of the moments in [:from, :until] that two versions both scored and whose flights have a label: local day
-- of the flight, probability of the one and of the other, whether it was late. One row per prediction near the headline
-- lead of an hour. Labels are those known since :from, by index: no flight that is asked about later has an older one.
WITH recent AS MATERIALIZED (
    SELECT label_id, flight_id, is_late, corrects FROM labels WHERE known_at >= %(from)s
), newest AS (
    SELECT flight_id, is_late FROM recent
    WHERE label_id NOT IN (SELECT corrects FROM recent WHERE corrects IS NOT NULL)
)
SELECT right(p.flight_id, 8)::integer,
    CASE WHEN p.model_version = %(one)s THEN p.probability ELSE p.challenger_probability END,
    CASE WHEN p.model_version = %(one)s THEN p.challenger_probability ELSE p.probability END,
    n.is_late
FROM predictions p JOIN newest n USING (flight_id)
WHERE p.as_of BETWEEN %(from)s AND %(until)s AND p.lead_minutes BETWEEN 30 AND 90
    AND ((p.model_version = %(one)s AND p.challenger_version = %(other)s)
        OR (p.model_version = %(other)s AND p.challenger_version = %(one)s))
