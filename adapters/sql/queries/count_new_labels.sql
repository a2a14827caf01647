-- How many flights whose local day is in [:from, :until] had a label at :known_by that was not known at :after. One row.
SELECT count(*)
FROM labels l
WHERE l.known_at > %(after)s AND l.known_at <= %(known_by)s
    AND right(l.flight_id, 8) BETWEEN %(from)s AND %(until)s
    AND NOT EXISTS (SELECT 1 FROM labels c WHERE c.corrects IS NOT NULL AND c.corrects = l.label_id AND c.known_at <= %(known_by)s)
