-- The newest local day of a flight whose label was known by :known_by; null where there is none.
SELECT to_date(max(right(flight_id, 8)), 'YYYYMMDD') FROM labels WHERE known_at <= %(known_by)s
