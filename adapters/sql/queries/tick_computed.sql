-- The tick counts as computed, and the channel state hears of it when the transaction commits.
WITH computed AS (
    UPDATE feature_ticks SET computed_at = clock_timestamp() WHERE tick = %(tick)s
    RETURNING 1
)
SELECT pg_notify('state', %(minute)s) FROM computed
