-- Appends a label, or the correction of one. No row is inserted when the flight has a first label, or that label a
-- correction, since it was looked up.
INSERT INTO labels (flight_id, arr_delay_minutes, known_at, source, corrects)
VALUES (%(flight_id)s, %(arr_delay_minutes)s, coalesce(%(known_at)s, stack_now()), %(source)s, %(corrects)s)
ON CONFLICT DO NOTHING
