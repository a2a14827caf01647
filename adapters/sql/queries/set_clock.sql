-- Sets the clock and notifies the channel clock.
WITH changed AS (
    UPDATE clock SET mode = %(mode)s, simulated_now = %(moment)s
    RETURNING 1
)
SELECT pg_notify('clock', %(payload)s) FROM changed
