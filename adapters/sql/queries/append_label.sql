-- Appends a label, or the correction of one. No row is inserted when the flight has a first label, or that label a
-- correction, since it was looked up.
-- Promises: a correction is known no earlier than what it corrects, so that at any moment one label is the word.
INSERT INTO labels (flight_id, arr_delay_minutes, known_at, source, corrects)
VALUES (%(flight_id)s, %(arr_delay_minutes)s,
    greatest(coalesce(%(known_at)s, stack_now()), (SELECT l.known_at FROM labels l WHERE l.label_id = %(corrects)s)),
    %(source)s, %(corrects)s)
ON CONFLICT DO NOTHING
