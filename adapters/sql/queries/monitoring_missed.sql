-- Days in [:first, :last] that have predictions and no monitoring run, oldest first.
-- Most predictions are asked on the day itself: it begins 14 hours before the UTC day at the earliest, and ends 12 after it.
-- Not EXISTS: PostgreSQL before 18 takes a series for a thousand days, and joins them with the whole log.
SELECT d::date FROM generate_series(%(first)s::date, %(last)s::date, interval '1 day') AS d
WHERE NOT EXISTS (SELECT 1 FROM monitoring_runs r WHERE r.day = d::date)
    AND (SELECT true FROM predictions p
        WHERE p.as_of >= (d AT TIME ZONE 'UTC') - interval '14 hours' AND p.as_of < (d AT TIME ZONE 'UTC') + interval '36 hours'
            AND right(p.flight_id, 8) = to_char(d, 'YYYYMMDD')
        LIMIT 1)
ORDER BY 1
