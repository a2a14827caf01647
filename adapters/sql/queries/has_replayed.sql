-- Whether this server is a standby of :cluster, and whether it has replayed that one's log up to :position. Always one row.
SELECT pg_is_in_recovery() AND system_identifier = %(cluster)s,
    coalesce(pg_last_wal_replay_lsn() >= %(position)s::pg_lsn, false)
FROM pg_control_system()
