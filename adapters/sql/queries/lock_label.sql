-- Until the end of the transaction nobody else appends a label of this flight by the same lock.
SELECT pg_advisory_xact_lock(715004, hashtext(%(flight_id)s))
