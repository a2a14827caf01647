-- Every logged prediction of a flight, by the moment it was made from; :as_of_from and :as_of_until name the months.
SELECT prediction_id::text, as_of, lead_minutes, state_tick, probability, model_version, challenger_version,
    challenger_probability, served_at
FROM predictions
WHERE flight_id = %(flight_id)s AND as_of BETWEEN %(as_of_from)s AND %(as_of_until)s
ORDER BY as_of, served_at
