-- Number and delay of the newest word on a flight; no row when there is none.
SELECT label_id, arr_delay_minutes FROM current_labels WHERE flight_id = %(flight_id)s
