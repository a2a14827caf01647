-- Days in [:first, :last] that have predictions and no monitoring run, oldest first.
-- A prediction is asked at most a day before departure; most are asked on the day itself.
SELECT d::date FROM generate_series(%(first)s::date, %(last)s::date, interval '1 day') AS d
WHERE NOT EXISTS (SELECT 1 FROM monitoring_runs r WHERE r.day = d::date)
    AND EXISTS (SELECT 1 FROM predictions p
        WHERE p.as_of >= (d AT TIME ZONE 'UTC') + interval '9 hours' AND p.as_of < (d AT TIME ZONE 'UTC') + interval '28 hours'
            AND right(p.flight_id, 8) = to_char(d, 'YYYYMMDD'))
ORDER BY 1
