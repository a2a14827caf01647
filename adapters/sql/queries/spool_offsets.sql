-- How many bytes of each spool file are stored.
SELECT file, shipped_bytes FROM spool_offsets
