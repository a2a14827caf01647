-- Until the end of the transaction nobody else makes a key of this name by the same lock.
SELECT pg_advisory_xact_lock(715008, hashtext(%(name)s))
