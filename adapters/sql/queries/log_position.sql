-- Which cluster this is, and up to where its log is on disk: whatever was committed durably lies before. Always one row.
SELECT system_identifier, pg_current_wal_flush_lsn()::text FROM pg_control_system()
