-- The channel state hears of a tick.
SELECT pg_notify('state', %(minute)s)
