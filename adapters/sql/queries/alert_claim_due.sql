-- The oldest open page that has not reached every address and whose next attempt is due; nobody else has it at hand.
-- The pause doubles with each round, from :pause to an hour; a day after the first attempt it is given up.
SELECT a.alert_id, a.rule, a.severity, a.message, a.day
FROM alerts a
LEFT JOIN LATERAL (
    SELECT min(attempted_at) AS first, max(attempted_at) AS last, count(DISTINCT attempted_at) AS rounds
    FROM alert_deliveries d WHERE d.alert_id = a.alert_id
) AS tried ON true
WHERE a.notified_at IS NULL AND a.resolved_at IS NULL AND a.severity <> 'info'
    AND (tried.last IS NULL OR (
        tried.last + least(interval '1 hour', %(pause)s::interval * power(2, least(tried.rounds, 12) - 1)) <= clock_timestamp()
        AND tried.first > clock_timestamp() - interval '1 day'))
ORDER BY a.alert_id
LIMIT 1
FOR UPDATE OF a SKIP LOCKED
