-- No offset of the file is kept.
DELETE FROM spool_offsets WHERE file = %(file)s
