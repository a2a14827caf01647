-- The prediction of an id, all columns in the order of the table; no row when there is none.
SELECT prediction_id, request_id, flight_id, carrier, flight_number, origin, dest, scheduled_departure,
    scheduled_arrival, as_of, lead_minutes, state_tick, features, contract_hash, probability, model_version,
    challenger_version, challenger_probability, latency_us, served_at
FROM predictions WHERE prediction_id = %(prediction_id)s
