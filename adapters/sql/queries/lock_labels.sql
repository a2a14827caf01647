-- Until the end of the transaction nobody else corrects a label of these flights; taken in one order by all callers.
SELECT pg_advisory_xact_lock(715004, hashtext(flight_id)) FROM unnest(%(flight_ids)s) AS flight_id
