-- How many bytes of a spool file are stored; no row before the first.
SELECT shipped_bytes FROM spool_offsets WHERE file = %(file)s
