-- From now on every transaction is read-only, as on a server that was demoted.
ALTER SYSTEM SET default_transaction_read_only = on
