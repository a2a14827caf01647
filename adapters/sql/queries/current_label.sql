-- The newest word on a flight; no row when there is none.
SELECT flight_id, arr_delay_minutes, is_late, known_at, corrects IS NOT NULL
FROM current_labels WHERE flight_id = %(flight_id)s
