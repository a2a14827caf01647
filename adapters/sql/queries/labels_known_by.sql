-- The word at :known_by, from labels numbered up to :last_label, on each flight whose local day is in [:from, :until];
-- flights without one are left out. Sorted by flight_id.
SELECT l.flight_id, l.arr_delay_minutes, l.is_late
FROM labels l
WHERE l.known_at <= %(known_by)s AND l.label_id <= %(last_label)s
    AND right(l.flight_id, 8) BETWEEN %(from)s AND %(until)s
    AND NOT EXISTS (
        SELECT 1 FROM labels c
        WHERE c.corrects IS NOT NULL AND c.corrects = l.label_id AND c.known_at <= %(known_by)s AND c.label_id <= %(last_label)s)
ORDER BY l.flight_id COLLATE "C"
