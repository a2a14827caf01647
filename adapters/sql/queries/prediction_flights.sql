-- How many flights of [:from, :until] were asked about near the headline lead, from a 64th of them, chosen by a hash of
-- their identity.
SELECT count(DISTINCT flight_id) * 64
FROM predictions
WHERE as_of BETWEEN %(as_of_from)s AND %(as_of_until)s AND right(flight_id, 8) BETWEEN %(from)s AND %(until)s
    AND abs(lead_minutes - %(lead)s) <= %(tolerance)s AND hashtext(flight_id) & 63 = 0
