-- Writes are taken again.
ALTER SYSTEM RESET default_transaction_read_only
